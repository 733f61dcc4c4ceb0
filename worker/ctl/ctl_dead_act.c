/* ctl_dead_act.c - shopstreamctl dead replay|discard: give letters another life, or give them up on the record.
 *
 * Both show what they would do and do nothing until --yes is given: at 3 a.m. a filter is easily too wide. Each letter moves
 * by one script, so a tool killed half-way has done some letters and not touched the others. replay adds to the live
 * stream with all attempts new (_replay counts lives, _origin keeps the first id), past the dedupe marks; that is safe
 * because every write is guarded. It is paced (--rate), because whatever buried them may still be there. discard keeps the
 * whole letter in webhooks:{p}:discarded with who, when and why. */
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/keys.h"
#include "common/number.h"
#include "worker/ctl/ctl_dead.h"
#include "worker/ctl/dead_letter.h"
#include "worker/scripts.h"

enum { RATE_DEFAULT = 100, RATE_MAX = 100000, REASON_MAX = 500, PROGRESS_EVERY_MS = 500, WHO_MAX = 200 };

/* One run of replay or discard. */
struct act {
    struct ctl *ctl;
    struct link *link;
    const char *verb;      /* "replay" */
    const char *reason;    /* discard: why; NULL for replay */
    bool yes;              /* really */
    int64_t rate;          /* letters a second */
    int64_t begun_mono_ms; /* when it began */
    int64_t told_mono_ms;  /* last progress line */
    bool terminal;         /* standard error is one */
    char who[WHO_MAX];     /* user@host */
    size_t matched;
    int64_t newest_ms; /* of those matched */
    size_t done;
    size_t gone;     /* somebody else was faster */
    size_t bodiless; /* replay: nothing left to replay */
    bool failed;
    struct err err;
};

static void name_person(char *to, size_t size)
{
    const struct passwd *user = getpwuid(getuid());
    char host[64] = "";

    if (gethostname(host, sizeof host - 1) != 0)
        snprintf(host, sizeof host, "unknown");
    snprintf(to, size, "%.60s@%s", user ? user->pw_name : "unknown", host);
}

static void tell_progress(struct act *a, bool last)
{
    int64_t now = clock_mono_ms();

    if (a->ctl->json || (!last && now - a->told_mono_ms < PROGRESS_EVERY_MS))
        return;
    a->told_mono_ms = now;
    fprintf(stderr, a->terminal ? "\r%sed %zu of %zu%s" : "%sed %zu of %zu%s", a->verb, a->done, a->matched,
            a->terminal && !last ? "" : "\n");
}

/* Waits until one more letter is due: `rate` a second from the beginning on. */
static void pace(const struct act *a)
{
    int64_t due = a->begun_mono_ms + (int64_t)a->done * 1000 / a->rate, wait = due - clock_mono_ms();

    if (wait > 0)
        nanosleep(&(struct timespec){wait / 1000, wait % 1000 * 1000000}, NULL);
}

static redisReply *move(struct act *a, const struct dead_letter *letter)
{
    char from[KEYS_STREAM_MAX], to[KEYS_STREAM_MAX], at[24];
    const char *replay[] = {from, to, letter->dead_id};
    const char *discard[] = {from,
                             to,
                             letter->dead_id,
                             "_reason",
                             a->reason ? a->reason : "",
                             "_discarded_at",
                             at,
                             "_discarded_by",
                             a->who};

    keys_dead(from, letter->partition);
    number_format_i64(at, clock_now_ms());
    if (!a->reason) {
        keys_live(to, letter->partition);
        return script_run(a->link, SCRIPT_REPLAY, 2, 3, replay, NULL, &a->err);
    }
    keys_discarded(to, letter->partition);
    return script_run(a->link, SCRIPT_DISCARD, 2, sizeof discard / sizeof discard[0], discard, NULL, &a->err);
}

/* Takes reply. False: Redis refuses; nothing has changed for this letter. */
static bool note_reply(struct act *a, redisReply *reply)
{
    bool ok = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;

    if (ok && reply->element[0]->integer == 1)
        a->done++;
    else if (ok && reply->element[0]->integer == 0)
        a->gone++;
    else if (ok)
        a->bodiless++;
    else if (reply)
        link_refused(a->link, reply, a->verb, &a->err);
    if (reply)
        freeReplyObject(reply);
    a->failed = !ok;
    return ok;
}

static bool act_on(void *context, const struct dead_letter *letter)
{
    struct act *a = context;

    pace(a);
    if (!note_reply(a, move(a, letter)))
        return false;
    tell_progress(a, false);
    return true;
}

static bool count_one(void *context, const struct dead_letter *letter)
{
    struct act *a = context;

    a->matched++;
    if (letter->dead_ms > a->newest_ms)
        a->newest_ms = letter->dead_ms;
    return true;
}

static void print_outcome(const struct act *a)
{
    if (a->ctl->json) {
        json_t *out = json_pack("{s:s, s:b, s:I, s:I, s:I, s:I}", "action", a->verb, "dry_run", !a->yes,
                                "matched", (json_int_t)a->matched, "done", (json_int_t)a->done, "gone",
                                (json_int_t)a->gone, "without_body", (json_int_t)a->bodiless);

        json_dumpf(out, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(out);
    } else if (!a->yes) {
        printf("%zu dead letter(s) would be %sed; --yes does it\n", a->matched, a->verb);
    } else {
        printf("%zu dead letter(s) %sed, %zu gone meanwhile, %zu without a body to replay\n", a->done,
               a->verb, a->gone, a->bodiless);
    }
}

static bool take_rate(struct act *a, const char *value, struct err *err)
{
    if (number_i64(value, strlen(value), &a->rate) && a->rate >= 1 && a->rate <= RATE_MAX)
        return true;
    err_set(err, ERR_CONFIG, 0, "--rate takes 1 to %d letters a second", RATE_MAX);
    return false;
}

static bool take_reason(struct act *a, const char *value, struct err *err)
{
    a->reason = value;
    if (*value && strlen(value) <= REASON_MAX && bson_utf8_validate(value, strlen(value), false))
        return true;
    err_set(err, ERR_CONFIG, 0, "--reason takes 1 to %d bytes of text", REASON_MAX);
    return false;
}

/* One option of ours at argv[*at]. False: err. */
static bool take_option(struct act *a, bool discard, int argc, char **argv, int *at, struct err *err)
{
    const char *word = argv[*at], *value = *at + 1 < argc ? argv[*at + 1] : NULL;

    if (strcmp(word, "--yes") == 0) {
        a->yes = true;
        (*at)++;
        return true;
    }
    *at += 2;
    if (value && strcmp(word, "--rate") == 0)
        return take_rate(a, value, err);
    if (value && discard && strcmp(word, "--reason") == 0)
        return take_reason(a, value, err);
    err_set(err, ERR_CONFIG, 0, "dead %s does not take \"%.40s\"", a->verb, word);
    return false;
}

static bool read_options(struct act *a, bool discard, int argc, char **argv, struct dead_filter *filter,
                         struct err *err)
{
    for (int at = 0; at < argc;) {
        int taken = dead_filter_option(filter, argc, argv, &at, clock_now_ms(), err);

        if (taken < 0 || (taken == 0 && !take_option(a, discard, argc, argv, &at, err)))
            return false;
    }
    if (!dead_filter_given(filter)) {
        err_set(err, ERR_CONFIG, 0, "dead %s wants to know which: a DEAD ID, a condition, or --all", a->verb);
        return false;
    }
    if (discard && !a->reason) {
        err_set(err, ERR_CONFIG, 0, "dead discard wants --reason TEXT: it is kept with the letters");
        return false;
    }
    return true;
}

/* Letters buried after the count are not ours: what is replayed may come back while the walk goes on. */
static int run(struct act *a, struct dead_filter *filter, int partitions)
{
    if (!dead_walk(a->link, partitions, filter, false, count_one, a, &a->err))
        return ctl_dead_redis_fail(&a->err);
    filter->until_ms = a->newest_ms + 1;
    a->begun_mono_ms = clock_mono_ms();
    if (a->yes && a->matched > 0) {
        if (!dead_walk(a->link, partitions, filter, false, act_on, a, &a->err) || a->failed) {
            print_outcome(a);
            return ctl_dead_redis_fail(&a->err);
        }
        tell_progress(a, true);
    }
    print_outcome(a);
    return a->matched == 0 || (a->yes && a->bodiless == 0) ? CTL_DONE : CTL_FINDING;
}

static int act(struct ctl *c, struct link *l, const char *verb, bool discard, int argc, char **argv)
{
    struct act a = {
        .ctl = c, .link = l, .verb = verb, .rate = RATE_DEFAULT, .terminal = isatty(STDERR_FILENO) != 0};
    struct dead_filter filter = {0};
    struct layout layout;

    if (!read_options(&a, discard, argc, argv, &filter, &a.err))
        return ctl_fail(CTL_USAGE, "%s", a.err.text);
    name_person(a.who, sizeof a.who);
    if (!ctl_layout(c, l, &layout, NULL, &a.err))
        return ctl_dead_redis_fail(&a.err);
    return run(&a, &filter, layout.most);
}

int ctl_dead_replay(struct ctl *c, struct link *l, int argc, char **argv)
{
    return act(c, l, "replay", false, argc, argv);
}

int ctl_dead_discard(struct ctl *c, struct link *l, int argc, char **argv)
{
    return act(c, l, "discard", true, argc, argv);
}
