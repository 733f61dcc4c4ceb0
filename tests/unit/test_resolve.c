/* test_resolve.c - which of a name's addresses is used, and what is no name. */
#include "server/resolve.h"

#include <string.h>

#include "tests/harness.h"

/* A name with the addresses ::1, 127.0.0.1 and 127.0.0.2, as getaddrinfo would give them. */
struct name {
    struct sockaddr_in6 six;
    struct sockaddr_in four[2];
    struct addrinfo found[3];
};

static void name_init(struct name *n)
{
    *n = (struct name){.six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}};
    for (uint32_t i = 0; i < 2; i++)
        n->four[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK + i)}};
    n->found[0] = (struct addrinfo){
        .ai_addr = (struct sockaddr *)&n->six, .ai_addrlen = sizeof(n->six), .ai_next = &n->found[1]};
    n->found[1] = (struct addrinfo){
        .ai_addr = (struct sockaddr *)&n->four[0], .ai_addrlen = sizeof(n->four[0]), .ai_next = &n->found[2]};
    n->found[2] =
        (struct addrinfo){.ai_addr = (struct sockaddr *)&n->four[1], .ai_addrlen = sizeof(n->four[1])};
}

TEST(an_address_is_kept_until_it_does_not_let_us_in_then_the_next_is_tried)
{
    static const struct {
        const char *latest;
        bool another;
        const char *wanted;
    } steps[] = {
        {NULL, false, "::1"},
        {NULL, true, "::1"},
        {"::1", false, "::1"},
        {"::1", true, "127.0.0.1"},
        {"127.0.0.1", false, "127.0.0.1"},
        {"127.0.0.1", true, "127.0.0.2"},
        {"127.0.0.2", true, "::1"},
        {"10.0.0.9", false, "::1"},
        {"10.0.0.9", true, "::1"},
    };
    char text[INET6_ADDRSTRLEN];
    struct name n;

    name_init(&n);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        CHECK(resolve_pick(n.found, steps[i].latest, steps[i].another, text));
        CHECK_TEXT(text, steps[i].wanted);
    }
}

TEST(numeric_addresses_are_no_names)
{
    CHECK(resolve_is_numeric("127.0.0.1") && resolve_is_numeric("::1") && resolve_is_numeric("fe80::1"));
    CHECK(!resolve_is_numeric("localhost") && !resolve_is_numeric("127.1") && !resolve_is_numeric(""));
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(argc, argv,
                        CASE(an_address_is_kept_until_it_does_not_let_us_in_then_the_next_is_tried),
                        CASE(numeric_addresses_are_no_names));
}
