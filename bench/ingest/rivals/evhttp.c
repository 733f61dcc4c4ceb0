/* evhttp.c - contender "bare evhttp": libevent's own server, one loop, that answers 200 to everything at once.
 *
 * In:     an HTTP request with any body. Out: 200, empty. Prints "port=N" once it listens.
 * Fails:  only at start.
 * Why so: the floor of every server built on evhttp. As the manual has it, with nothing tuned: what the product adds and what
 * it saves are both measured against this. */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>

static void on_request(struct evhttp_request *request, void *unused)
{
    (void)unused;
    evhttp_send_reply(request, HTTP_OK, "OK", NULL);
}

static bool tell_port(struct evhttp_bound_socket *bound)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;

    if (getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &len) != 0)
        return false;
    printf("port=%d\n", ntohs(address.sin_port));
    return fflush(stdout) == 0;
}

int main(void)
{
    struct event_base *base = event_base_new();
    struct evhttp *http = base ? evhttp_new(base) : NULL;
    struct evhttp_bound_socket *bound = http ? evhttp_bind_socket_with_handle(http, "127.0.0.1", 0) : NULL;

    signal(SIGPIPE, SIG_IGN);
    if (!bound || !tell_port(bound)) {
        fputs("evhttp: cannot listen\n", stderr);
        return 1;
    }
    evhttp_set_gencb(http, on_request, NULL);
    event_base_dispatch(base);
    evhttp_free(http);
    event_base_free(base);
    return 0;
}
