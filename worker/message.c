/* message.c - worker: one stream entry this lane holds, and lists of them.
 *
 * In:      the field/value strings of one entry as Redis delivered them.
 * Out:     one heap block with the struct in front and a copy of every text behind it, each with a NUL after it.
 * Fails:   never: what cannot be decoded becomes a message that is already judged POISON, so that a malformed entry takes
 *          the same way out as any other and cannot hold up its neighbours.
 * Thread:  the lane's. No I/O.
 * Why so:  one block, because a message is made and freed once a turn at full rate, and its size is then exactly what
 *          counts against READ_MAX_BYTES. */
#include "worker/message.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/number.h"
#include "common/strbuf.h"

enum { DELAY_FALLBACK_MS = 5000 }; /* when no schedule is set */

const char *dead_class_name(enum dead_class c)
{
    switch (c) {
    case DEAD_UNKNOWN:
        return "unknown";
    case DEAD_BAD_PAYLOAD:
        return "bad_payload";
    case DEAD_NOT_FOUND:
        return "not_found";
    case DEAD_REJECTED:
        return "rejected";
    case DEAD_MONGO_WRITE:
        return "mongo_write";
    case DEAD_CRASH:
        return "crash";
    case DEAD_LOST:
        return "lost";
    }
    return "unknown";
}

/* Copies text into to (size bytes), cut at the start of a UTF-8 sequence when it is too long. */
static void copy_capped(char *to, size_t size, const char *text)
{
    size_t n = strlen(text);

    if (n >= size) {
        n = size - 1;
        while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
            n--;
    }
    memcpy(to, text, n);
    to[n] = '\0';
}

/* The texts of an entry, as a table: one loop then measures and one copies. */
enum { ENTRY_TEXTS = 9 };

static void entry_texts(struct entry *e, struct entry_text *texts[ENTRY_TEXTS])
{
    texts[0] = &e->platform;
    texts[1] = &e->shop;
    texts[2] = &e->topic;
    texts[3] = &e->id;
    texts[4] = &e->key;
    texts[5] = &e->src;
    texts[6] = &e->trace;
    texts[7] = &e->return_kind;
    texts[8] = &e->body;
}

static size_t texts_size(struct entry *e)
{
    struct entry_text *texts[ENTRY_TEXTS];
    size_t size = 0;

    entry_texts(e, texts);
    for (size_t i = 0; i < ENTRY_TEXTS; i++) {
        if (texts[i]->data)
            size += texts[i]->length + 1;
    }
    return size;
}

/* Moves every text of e behind the struct; the block was sized by texts_size. */
static void texts_move(struct entry *e, char *to)
{
    struct entry_text *texts[ENTRY_TEXTS];

    entry_texts(e, texts);
    for (size_t i = 0; i < ENTRY_TEXTS; i++) {
        if (!texts[i]->data)
            continue;
        memcpy(to, texts[i]->data, texts[i]->length);
        to[texts[i]->length] = '\0';
        texts[i]->data = to;
        to += texts[i]->length + 1;
    }
}

/* Milliseconds in front of the dash; 0 for anything that is no stream id. */
static int64_t id_ms(const char *stream_id)
{
    int64_t ms = 0;

    if (!number_i64(stream_id, strcspn(stream_id, "-"), &ms))
        return 0;
    return ms;
}

struct message *message_new(int stream, const char *stream_id, const struct entry_text *fields, size_t count,
                            bool (*keep_body)(const struct entry *e))
{
    struct err err = {0};
    struct entry entry = {0};
    struct message *m;
    bool readable = entry_decode(fields, count, &entry, &err);
    size_t size = sizeof(*m);

    if (readable && !keep_body(&entry))
        entry.body = (struct entry_text){NULL, 0};
    if (readable)
        size += texts_size(&entry);
    m = xcalloc(1, size);
    m->stream = stream;
    copy_capped(m->stream_id, sizeof(m->stream_id), stream_id);
    m->entry_ms = id_ms(stream_id);
    m->readable = readable;
    m->deliveries = 1;
    m->bytes = size;
    if (!readable) {
        message_judge(m, OUTCOME_POISON, DEAD_BAD_PAYLOAD, err.text);
        return m;
    }
    m->entry = entry;
    texts_move(&m->entry, (char *)(m + 1));
    return m;
}

void message_free(struct message *m)
{
    free(m);
}

int64_t message_attempt(const struct message *m)
{
    return m->entry.attempts + m->deliveries;
}

int64_t message_retry_ms(const struct config *config, int64_t attempt)
{
    size_t count = config->retry_delay_count;

    if (count == 0)
        return DELAY_FALLBACK_MS;
    if (attempt < 1)
        attempt = 1;
    return config->retry_delays_ms[(size_t)attempt < count ? (size_t)attempt - 1 : count - 1];
}

static bool src_is(const struct message *m, const char *src)
{
    size_t length = strlen(src);

    return m->entry.src.length == length && memcmp(m->entry.src.data, src, length) == 0;
}

bool message_was_parked(const struct message *m)
{
    return src_is(m, "parked") || src_is(m, "again");
}

bool message_is_again(const struct message *m)
{
    return src_is(m, "again");
}

void message_append(struct message_list *list, struct message *m)
{
    m->next = NULL;
    if (list->last)
        list->last->next = m;
    else
        list->first = m;
    list->last = m;
    list->count++;
    list->bytes += m->bytes;
}

struct message *message_pop(struct message_list *list)
{
    struct message *m = list->first;

    if (!m)
        return NULL;
    list->first = m->next;
    if (!list->first)
        list->last = NULL;
    list->count--;
    list->bytes -= m->bytes;
    m->next = NULL;
    return m;
}

void message_splice(struct message_list *to, struct message_list *from)
{
    if (!from->first)
        return;
    if (to->last)
        to->last->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    to->count += from->count;
    to->bytes += from->bytes;
    *from = (struct message_list){0};
}

void message_list_deinit(struct message_list *list)
{
    struct message *m;

    while ((m = message_pop(list)) != NULL)
        message_free(m);
}

void message_judge(struct message *m, enum outcome outcome, enum dead_class dead, const char *error)
{
    m->outcome = outcome;
    m->dead_class = dead;
    m->free_retry = false;
    m->retry_in_ms = 0;
    copy_capped(m->error, sizeof(m->error), error ? error : "");
}

void message_judge_list(struct message_list *list, enum outcome outcome, enum dead_class dead,
                        const char *error)
{
    for (struct message *m = list->first; m; m = m->next)
        message_judge(m, outcome, dead, error);
}

void message_defer_list(struct message_list *list, int64_t delay_ms, const char *why)
{
    for (struct message *m = list->first; m; m = m->next) {
        message_judge(m, OUTCOME_RETRY, DEAD_UNKNOWN, why);
        m->free_retry = true;
        m->retry_in_ms = delay_ms;
    }
}
