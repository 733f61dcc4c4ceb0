/* framing.h - server, part of stage 1: where does this request end, and would every program in front of us say the same?
 *
 * In:      headers as evhttp has parsed them, after it has taken the body by them.
 * Out:     whether they are sound, and whether what follows on the connection may be believed.
 * Fails:   never.
 * Thread:  any. Pure.
 * Why so:  evhttp is lenient: it takes the first of two Content-Lengths, "+5", folded lines, "gzip, chunked", a name with a
 *          space at its end, and any spelling of a chunk's size. A proxy that reads one of them otherwise would see a second
 *          request where we see a body, or the reverse, and answers would reach the wrong sender (request smuggling). The
 *          signature keeps forged pushes out all the same; this keeps the connection in step. What a header shows is
 *          refused; what only the body's bytes could show (chunks) ends the connection, so nothing comes behind it. */
#ifndef SHOPSTREAM_SERVER_FRAMING_H
#define SHOPSTREAM_SERVER_FRAMING_H

#include <stdbool.h>

struct evkeyvalq;

enum framing {
    FRAMING_SOUND, /* one length, in one spelling */
    FRAMING_LAST, /* sound, but the connection ends with its answer: a body in chunks, or one evhttp may not have read */
    FRAMING_AMBIGUOUS, /* to be refused, and the connection ended */
};

/* headers are borrowed. post: the method is POST. chunks: the version knows chunks (HTTP/1.1). */
enum framing framing_of(const struct evkeyvalq *headers, bool post, bool chunks);

#endif
