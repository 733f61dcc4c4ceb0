/* test_journal.c - what the journal calls stored is read back, also by the next life; what it cannot store it says.
 *
 * System calls fail where a case wants it, through the journal's table of them. */
#include "server/journal.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "common/metrics.h"
#include "tests/harness.h"

enum { CALLS = 3000 };

/* Set before the failing call is made, by the thread that submits. */
static struct {
    atomic_int writes;      /* until one fails; -1: never */
    atomic_int write_bytes; /* what that one writes before it fails */
    atomic_int syncs;       /* until one fails; -1: never */
    atomic_bool no_space;   /* every write and file fails */
    atomic_bool no_truncate;
    atomic_bool no_descriptor; /* to read with */
    atomic_bool hang;          /* flushes do not return */
} fault;

static int counted_down(atomic_int *n)
{
    return atomic_load(n) >= 0 && atomic_fetch_sub(n, 1) == 0;
}

static int fault_open(const char *path, int flags, mode_t mode)
{
    if (!atomic_load(&fault.no_descriptor) || (flags & O_ACCMODE) != O_RDONLY)
        return open(path, flags, mode);
    errno = EMFILE;
    return -1;
}

static ssize_t fault_pwrite(int fd, const void *data, size_t n, off_t at)
{
    if (atomic_load(&fault.no_space)) {
        errno = ENOSPC;
        return -1;
    }
    if (counted_down(&fault.writes)) {
        const size_t some = (size_t)atomic_load(&fault.write_bytes);

        atomic_store(&fault.no_space, true); /* the rest of it fails */
        return pwrite(fd, data, some < n ? some : n, at);
    }
    return pwrite(fd, data, n, at);
}

static int fault_fdatasync(int fd)
{
    while (atomic_load(&fault.hang))
        poll(NULL, 0, 1);
    if (!counted_down(&fault.syncs))
        return fdatasync(fd);
    errno = EIO;
    return -1;
}

static int fault_ftruncate(int fd, off_t length)
{
    if (!atomic_load(&fault.no_truncate))
        return ftruncate(fd, length);
    errno = EIO;
    return -1;
}

static const struct journal_io faulty = {fault_open, fault_pwrite, fault_fdatasync, fault_ftruncate, fsync};

/* A journal in ./j with one port, and what came of the calls. */
struct bench {
    struct config config;
    struct journal *journal;
    struct journal_port *port;
    struct journal_call calls[CALLS];
    char bodies[CALLS][40];
    size_t count;            /* submitted */
    size_t answered, stored; /* completions */
    bool was_stored[CALLS];
};

static struct bench *the_bench;

static void on_done(struct journal_call *call, bool stored)
{
    the_bench->answered++;
    the_bench->stored += stored;
    the_bench->was_stored[call - the_bench->calls] = stored;
}

static void bench_begin(struct bench *b)
{
    struct err err = {0};

    the_bench = b;
    b->config.journal_dir = (char *)(uintptr_t) "j";
    if (!b->config.journal_max_bytes)
        b->config.journal_max_bytes = 1 << 30;
    if (!b->config.journal_segment_bytes)
        b->config.journal_segment_bytes = 16 << 20;
    b->journal = journal_open(&b->config, &faulty, &err);
    if (!b->journal)
        CHECK_TEXT(err.text, "opened");
    b->port = journal_port_new(b->journal, &err);
    CHECK(b->port && journal_start(b->journal, &err));
}

static struct bench *bench_new(void)
{
    struct bench *b = xcalloc(1, sizeof(*b));

    atomic_store(&fault.writes, -1);
    atomic_store(&fault.syncs, -1);
    bench_begin(b);
    return b;
}

static void bench_end(struct bench *b)
{
    journal_stop(b->journal);
    journal_port_collect(b->port);
    CHECK_INT(b->answered, b->count);
    journal_port_free(b->port);
    journal_close(b->journal);
}

static void bench_free(struct bench *b)
{
    bench_end(b);
    free(b);
}

/* Ends this life without telling the disk anything more, as kill -9 would, and begins the next. */
static void bench_again(struct bench *b)
{
    bench_end(b);
    b->count = b->answered = b->stored = 0;
    bench_begin(b);
}

static void submit(struct bench *b)
{
    const size_t i = b->count++;

    CHECK(i < CALLS);
    b->calls[i].record.body = b->bodies[i];
    b->calls[i].record.length = (size_t)snprintf(b->bodies[i], sizeof(b->bodies[i]), "m%zuXADD %zu", i, i);
    b->calls[i].record.mark_length = (size_t)(strstr(b->bodies[i], "XADD") - b->bodies[i]);
    b->calls[i].record.recv_ms = 1767704400000 + (int64_t)i;
    b->calls[i].done = on_done;
    journal_submit(b->port, &b->calls[i]);
}

static void settle(struct bench *b)
{
    struct pollfd p = {.fd = journal_port_fd(b->port), .events = POLLIN};

    while (b->answered < b->count) {
        CHECK(poll(&p, 1, 20000) == 1);
        journal_port_collect(b->port);
    }
}

/* Submits one and waits for it: is it stored? */
static bool store(struct bench *b)
{
    const size_t before = b->stored;

    submit(b);
    settle(b);
    return b->stored > before;
}

/* Reads and acknowledges all there is; they must be the calls of first, first + 1, ... Returns how many. */
static size_t drain(struct bench *b, size_t first)
{
    struct segment_record r[64];
    size_t total = 0, n;
    char expected[40];

    while ((n = journal_read(b->journal, r, 64, 0)) > 0) {
        for (size_t i = 0; i < n; i++, total++) {
            int length = snprintf(expected, sizeof(expected), "m%zuXADD %zu", first + total, first + total);

            CHECK_BYTES(r[i].body, r[i].length, expected, (size_t)length);
        }
        journal_acked(b->journal);
    }
    return total;
}

static int is_file(const struct dirent *d)
{
    return d->d_name[0] != '.' && strcmp(d->d_name, "lock") != 0;
}

/* Segments; the last one's name into last. */
static int files(char *last)
{
    struct dirent **names;
    int n = scandir("j", &names, is_file, alphasort);

    for (int i = 0; i < n; i++) {
        if (last)
            snprintf(last, 300, "j/%s", names[i]->d_name);
        free(names[i]);
    }
    free(names);
    return n;
}

static off_t size_of(const char *path)
{
    struct stat st;

    CHECK(stat(path, &st) == 0);
    return st.st_size;
}

TEST(what_redis_has_is_kept_until_released_and_read_again_after_a_loss)
{
    struct bench *b = bench_new();
    int64_t left;

    bench_end(b);
    b->config.replay_ms = 10000;
    b->config.journal_segment_bytes = 300; /* a few records each */
    bench_begin(b);
    for (int i = 0; i < 20; i++)
        CHECK(store(b));
    CHECK_INT(drain(b, 0), 20);
    CHECK(!journal_busy(b->journal)); /* new events need not wait */
    CHECK_INT(journal_kept(b->journal), 20);
    CHECK(files(NULL) > 3);
    CHECK_INT(journal_rewind(b->journal), 20);
    CHECK(journal_busy(b->journal));
    CHECK(store(b)); /* goes in behind */
    CHECK_INT(drain(b, 0), 21);
    journal_release(b->journal, 0);
    CHECK_INT(journal_kept(b->journal), 21);
    journal_release(b->journal, INT64_MAX);
    CHECK_INT(metric_get(METRIC_SERVER_JOURNAL_KEPT), 0);
    left = journal_kept(b->journal);
    CHECK_INT(journal_rewind(b->journal), left);
    bench_free(b);
}

TEST(a_loss_while_a_group_is_out_brings_all_of_it_again)
{
    struct bench *b = bench_new();
    struct segment_record r[64];

    bench_end(b);
    b->config.replay_ms = 10000;
    b->config.journal_segment_bytes = 300;
    bench_begin(b);
    for (int i = 0; i < 20; i++)
        CHECK(store(b));
    CHECK(journal_read(b->journal, r, 3, 0) > 0);
    journal_acked(b->journal);
    CHECK(journal_read(b->journal, r, 3, 0) > 0); /* and not acked */
    CHECK(journal_rewind(b->journal) > 0);
    CHECK_INT(drain(b, 0), 20);
    CHECK(!journal_busy(b->journal));
    bench_free(b);
}

TEST(a_full_journal_gives_up_what_it_keeps_first)
{
    struct bench *b = bench_new();

    bench_end(b);
    b->config.replay_ms = 10000;
    b->config.journal_segment_bytes = 300;
    b->config.journal_max_bytes = 2000;
    bench_begin(b);
    while (b->count < 60 && store(b))
        ;
    CHECK(b->count < 60);
    CHECK(drain(b, 0) > 10);
    CHECK(!store(b));
    journal_release_excess(b->journal);
    CHECK(store(b));
    bench_free(b);
}

TEST(what_is_stored_is_read_back_in_order_and_then_gone)
{
    struct bench *b = bench_new();

    for (int i = 0; i < CALLS; i++)
        submit(b);
    settle(b);
    CHECK_INT(b->stored, CALLS);
    CHECK(journal_busy(b->journal));
    CHECK(metric_get(METRIC_SERVER_JOURNAL_SYNCS) < CALLS / 2); /* in groups */
    CHECK_INT(drain(b, 0), CALLS);
    CHECK(!journal_busy(b->journal));
    bench_free(b);
    CHECK_INT(files(NULL), 0);
}

TEST(the_next_life_reads_what_was_not_acknowledged_from_several_segments)
{
    struct bench *b = bench_new();
    struct segment_record r[10];

    b->config.journal_segment_bytes = 4096;
    for (int i = 0; i < 1000; i++)
        submit(b);
    settle(b);
    CHECK(files(NULL) > 5);
    CHECK_INT(journal_read(b->journal, r, 10, 0), 10);
    bench_again(b);
    CHECK(journal_busy(b->journal));
    CHECK_INT(drain(b, 0), 1000);
    CHECK(!journal_busy(b->journal));
    CHECK(files(NULL) <= 1); /* the one that is open */
    bench_free(b);
    CHECK_INT(files(NULL), 0);
}

TEST(a_tail_torn_at_any_byte_is_cut_and_counted_and_the_rest_is_read)
{
    struct bench *b = bench_new();
    char name[300];
    struct strbuf whole_file = STRBUF_INIT;
    off_t end, sizes[4];
    FILE *f;

    for (int i = 0; i < 4; i++) {
        CHECK(store(b));
        files(name);
        sizes[i] = size_of(name);
    }
    bench_end(b);
    end = size_of(name);
    CHECK(strbuf_read_file(&whole_file, name, 100000, NULL));
    for (off_t cut = end; cut >= SEGMENT_HEAD; cut--) {
        const size_t whole =
            (size_t)(cut >= sizes[0]) + (cut >= sizes[1]) + (cut >= sizes[2]) + (cut >= sizes[3]);
        const bool torn =
            cut != SEGMENT_HEAD && cut != sizes[0] && cut != sizes[1] && cut != sizes[2] && cut != end;
        const int64_t before = metric_get(METRIC_SERVER_JOURNAL_TORN);
        struct segment_record r[8];

        f = fopen(name, "w");
        CHECK(f && fwrite(whole_file.data, (size_t)cut, 1, f) == 1 && fclose(f) == 0);
        b->count = b->answered = 0;
        bench_begin(b);
        CHECK_INT(metric_get(METRIC_SERVER_JOURNAL_TORN) - before, torn);
        CHECK_INT(journal_read(b->journal, r, 8, 0), whole);
        bench_end(b);
        if (whole > 0)
            CHECK_INT(size_of(name), sizes[whole - 1]);
        else
            CHECK_INT(files(NULL), 0);
    }
    strbuf_deinit(&whole_file);
    free(b);
}

TEST(a_file_without_a_whole_head_is_nothing_but_a_torn_tail)
{
    struct bench *b;
    FILE *f;

    CHECK(mkdir("j", 0700) == 0);
    f = fopen("j/0000000000000001.journal", "w");
    CHECK(f && fputs("SHOPJRNL", f) >= 0 && fclose(f) == 0);
    b = bench_new();
    CHECK_INT(metric_get(METRIC_SERVER_JOURNAL_TORN), 1);
    CHECK_INT(files(NULL), 0);
    CHECK(store(b));
    CHECK_INT(drain(b, 0), 1);
    bench_free(b);
}

TEST(a_turned_bit_costs_one_record_which_is_counted_and_kept_for_a_person)
{
    struct bench *b = bench_new();
    struct segment_record r[8];
    char name[300];
    int fd;

    for (int i = 0; i < 3; i++)
        CHECK(store(b));
    files(name);
    bench_end(b);
    fd = open(name, O_RDWR);
    CHECK(fd >= 0 && pwrite(fd, "?", 1, SEGMENT_HEAD + SEGMENT_RECORD_HEAD + 3) == 1 && close(fd) == 0);
    b->count = b->answered = 0;
    bench_begin(b);
    CHECK_INT(journal_read(b->journal, r, 8, 0), 2);
    CHECK_BYTES(r[0].body, r[0].length, "m1XADD 1", 8);
    journal_acked(b->journal);
    CHECK_INT(journal_read(b->journal, r, 8, 0), 0);
    CHECK(!journal_busy(b->journal));
    CHECK_INT(metric_get(METRIC_SERVER_JOURNAL_DAMAGED), SEGMENT_RECORD_HEAD + 8);
    bench_free(b);
    CHECK_INT(files(name), 1);
    CHECK_TEXT(name, "j/0000000000000001.damaged");
}

TEST(damage_in_the_segment_being_written_does_not_keep_the_journal_busy)
{
    struct bench *b = bench_new();
    struct segment_record r[8];
    char name[300];
    int fd;

    for (int i = 0; i < 3; i++)
        CHECK(store(b));
    files(name);
    fd = open(name, O_RDWR);
    CHECK(fd >= 0 && pwrite(fd, "?", 1, SEGMENT_HEAD + SEGMENT_RECORD_HEAD + 3) == 1 && close(fd) == 0);
    CHECK_INT(journal_read(b->journal, r, 8, 0), 2);
    journal_acked(b->journal);
    for (int i = 0; i < 50 && journal_busy(b->journal); i++)
        CHECK_INT(journal_read(b->journal, r, 8, 100), 0);
    CHECK(!journal_busy(b->journal));
    CHECK_INT(files(name), 1);
    CHECK_TEXT(name, "j/0000000000000001.damaged");
    bench_free(b);
}

TEST(a_short_write_is_cut_off_before_the_next)
{
    for (int some = 0; some < 40; some++) {
        struct bench *b = bench_new();
        char name[300];

        CHECK(store(b));
        atomic_store(&fault.write_bytes, some);
        atomic_store(&fault.writes, 0);
        CHECK(!store(b));
        atomic_store(&fault.no_space, false);
        files(name);
        b->count = b->answered = 1; /* the refused one comes again */
        CHECK(store(b));
        CHECK_INT(drain(b, 0), 2);
        CHECK_INT(metric_get(METRIC_SERVER_JOURNAL_TORN) + metric_get(METRIC_SERVER_JOURNAL_DAMAGED), 0);
        bench_free(b);
    }
}

TEST(a_tail_that_cannot_be_cut_off_ends_its_segment)
{
    struct bench *b = bench_new();

    CHECK(store(b));
    atomic_store(&fault.no_truncate, true);
    atomic_store(&fault.write_bytes, 20);
    atomic_store(&fault.writes, 0);
    CHECK(!store(b));
    atomic_store(&fault.no_space, false);
    b->count = b->answered = 1;
    CHECK(store(b));
    CHECK_INT(files(NULL), 2);
    bench_again(b);
    CHECK_INT(metric_get(METRIC_SERVER_JOURNAL_TORN), 1);
    CHECK_INT(drain(b, 0), 2);
    bench_free(b);
}

TEST(after_a_failed_flush_nothing_of_its_group_is_called_stored_and_the_next_goes_to_a_new_file)
{
    struct bench *b = bench_new();
    struct strbuf why = STRBUF_INIT;

    CHECK(store(b));
    CHECK(journal_ready(b->journal, &why));
    atomic_store(&fault.syncs, 0);
    CHECK(!store(b));
    CHECK(!journal_ready(b->journal, &why));
    CHECK(strstr(why.data, "cannot write"));
    CHECK_INT(metric_get(METRIC_SERVER_JOURNAL_SYNC_ERRORS), 1);
    CHECK_INT(metric_get(METRIC_SERVER_JOURNAL_REFUSED), 1);
    b->count = b->answered = 1;
    CHECK(store(b));
    CHECK(journal_ready(b->journal, &why));
    CHECK_INT(files(NULL), 2);
    CHECK_INT(drain(b, 0), 2);
    strbuf_deinit(&why);
    bench_free(b);
}

TEST(a_full_disk_refuses_and_is_used_again_when_there_is_space)
{
    struct bench *b = bench_new();

    atomic_store(&fault.no_space, true); /* not even a file's head */
    CHECK(!store(b));
    CHECK(!store(b));
    CHECK(!journal_busy(b->journal));
    atomic_store(&fault.no_space, false);
    b->count = b->answered = 0;
    CHECK(store(b));
    atomic_store(&fault.no_space, true); /* in the middle of one */
    CHECK(!store(b));
    atomic_store(&fault.no_space, false);
    b->count = b->answered = 1;
    CHECK(store(b));
    CHECK_INT(drain(b, 0), 2);
    bench_free(b);
}

TEST(above_its_bound_it_refuses_and_takes_again_what_was_drained)
{
    struct bench *b = bench_new();

    b->config.journal_max_bytes = 2000;
    b->config.journal_segment_bytes = 500;
    while (store(b))
        ;
    CHECK(b->stored > 20);
    CHECK(!store(b));
    CHECK_INT(drain(b, 0), b->stored);
    b->count = b->answered = 0;
    CHECK(store(b));
    bench_free(b);
}

TEST(at_its_bound_it_is_not_ready_until_something_was_drained)
{
    static const char large[400] = "";
    struct bench *b = bench_new();
    struct strbuf why = STRBUF_INIT;
    struct segment_record r[8];

    b->config.journal_max_bytes = 2000;
    b->config.journal_segment_bytes = 500;
    do {
        struct journal_call *call = &b->calls[b->count++];

        *call = (struct journal_call){.record = {large, sizeof(large), 0, 1767704400000}, .done = on_done};
        journal_submit(b->port, call);
        settle(b);
    } while (b->stored == b->answered);
    CHECK(!journal_ready(b->journal, &why)); /* though there is room for a small one */
    CHECK(strstr(why.data, "full"));
    while (journal_read(b->journal, r, 8, 0) > 0)
        journal_acked(b->journal);
    CHECK(journal_ready(b->journal, &why));
    strbuf_deinit(&why);
    bench_free(b);
}

TEST(a_bound_below_the_size_of_a_segment_does_not_keep_what_was_drained)
{
    struct bench *b = bench_new();

    b->config.journal_max_bytes = 2000;
    for (int i = 0; i < 3; i++) {
        b->count = b->answered = b->stored = 0;
        while (store(b))
            ;
        CHECK(b->stored > 20);
        CHECK_INT(drain(b, 0), b->stored);
    }
    bench_free(b);
}

TEST(while_the_disk_hangs_it_is_stuck_and_not_ready_and_afterwards_all_is_stored)
{
    struct bench *b = bench_new();
    struct strbuf why = STRBUF_INIT;

    b->config.journal_budget_ms = 20;
    CHECK(store(b));
    CHECK(!journal_stuck(b->journal));
    atomic_store(&fault.hang, true);
    submit(b);
    for (int i = 0; i < 2000 && !journal_stuck(b->journal); i++)
        poll(NULL, 0, 10);
    CHECK(journal_stuck(b->journal));
    submit(b);
    CHECK(!journal_ready(b->journal, &why));
    CHECK(strstr(why.data, "the disk does not answer"));
    atomic_store(&fault.hang, false);
    settle(b);
    CHECK_INT(b->stored, 3);
    CHECK(!journal_stuck(b->journal) && journal_ready(b->journal, &why));
    CHECK_INT(drain(b, 0), 3);
    strbuf_deinit(&why);
    bench_free(b);
}

TEST(a_system_short_of_descriptors_delays_the_drain_and_damages_nothing)
{
    struct bench *b = bench_new();
    struct segment_record r[1];

    CHECK(store(b));
    atomic_store(&fault.no_descriptor, true);
    CHECK_INT(journal_read(b->journal, r, 1, 50), 0);
    CHECK_INT(journal_read(b->journal, r, 1, 50), 0);
    CHECK(journal_busy(b->journal));
    atomic_store(&fault.no_descriptor, false);
    CHECK_INT(drain(b, 0), 1);
    CHECK_INT(metric_get(METRIC_SERVER_JOURNAL_DAMAGED), 0);
    bench_free(b);
    CHECK_INT(files(NULL), 0);
}

TEST(an_idle_journal_keeps_no_file)
{
    struct bench *b = bench_new();
    struct segment_record r[1];

    CHECK(store(b));
    CHECK_INT(drain(b, 0), 1);
    CHECK_INT(files(NULL), 1);
    for (int i = 0; i < 100 && files(NULL) > 0; i++)
        CHECK_INT(journal_read(b->journal, r, 1, 100), 0);
    CHECK_INT(files(NULL), 0);
    b->count = b->answered = 0;
    CHECK(store(b));
    CHECK_INT(drain(b, 0), 1);
    bench_free(b);
}

TEST(one_directory_one_server_and_the_reason_names_the_setting)
{
    struct bench *b = bench_new();
    struct err err = {0};

    CHECK(!journal_open(&b->config, NULL, &err));
    CHECK(strstr(err.text, "JOURNAL_DIR") && strstr(err.text, "in use by another server"));
    bench_free(b);
}

TEST(files_and_the_directory_are_the_owners_alone)
{
    struct bench *b = bench_new();
    struct stat st;
    char name[300];

    CHECK(store(b));
    CHECK(stat("j", &st) == 0);
    CHECK_INT(st.st_mode & 0777, 0700);
    CHECK_INT(files(name), 1);
    CHECK(stat(name, &st) == 0);
    CHECK_INT(st.st_mode & 0777, 0600);
    CHECK(stat("j/lock", &st) == 0);
    CHECK_INT(st.st_mode & 0777, 0600);
    bench_free(b);
}

TEST(a_file_of_another_version_or_a_directory_that_cannot_be_ends_the_start_with_the_reason)
{
    struct config c = {.journal_dir = (char *)(uintptr_t) "no/such/place"};
    char head[64] = "SHOPJRNL\2";
    const uint64_t number = 1, sum = (memcpy(head + 16, &number, 8), XXH3_64bits(head, 56));
    struct err err = {0};
    FILE *f;

    CHECK(!journal_open(&c, NULL, &err));
    CHECK(strstr(err.text, "JOURNAL_DIR: make no/such/place"));
    CHECK(mkdir("j", 0700) == 0);
    memcpy(head + 56, &sum, 8);
    f = fopen("j/0000000000000001.journal", "w");
    CHECK(f && fwrite(head, 64, 1, f) == 1 && fclose(f) == 0);
    c.journal_dir = (char *)(uintptr_t) "j";
    CHECK(!journal_open(&c, NULL, &err));
    CHECK_TEXT(err.text,
               "JOURNAL_DIR: 0000000000000001.journal: written by another version: format 2, this program "
               "knows 1");
    CHECK_INT(files(NULL), 1);
}

int main(int argc, char **argv)
{
    return HARNESS_MAIN(
        argc, argv, CASE(what_redis_has_is_kept_until_released_and_read_again_after_a_loss),
        CASE(a_loss_while_a_group_is_out_brings_all_of_it_again),
        CASE(a_full_journal_gives_up_what_it_keeps_first),
        CASE(what_is_stored_is_read_back_in_order_and_then_gone),
        CASE(the_next_life_reads_what_was_not_acknowledged_from_several_segments),
        CASE(a_tail_torn_at_any_byte_is_cut_and_counted_and_the_rest_is_read),
        CASE(a_file_without_a_whole_head_is_nothing_but_a_torn_tail),
        CASE(a_turned_bit_costs_one_record_which_is_counted_and_kept_for_a_person),
        CASE(damage_in_the_segment_being_written_does_not_keep_the_journal_busy),
        CASE(a_short_write_is_cut_off_before_the_next), CASE(a_tail_that_cannot_be_cut_off_ends_its_segment),
        CASE(after_a_failed_flush_nothing_of_its_group_is_called_stored_and_the_next_goes_to_a_new_file),
        CASE(a_full_disk_refuses_and_is_used_again_when_there_is_space),
        CASE(above_its_bound_it_refuses_and_takes_again_what_was_drained),
        CASE(at_its_bound_it_is_not_ready_until_something_was_drained),
        CASE(a_bound_below_the_size_of_a_segment_does_not_keep_what_was_drained),
        CASE(while_the_disk_hangs_it_is_stuck_and_not_ready_and_afterwards_all_is_stored),
        CASE(a_system_short_of_descriptors_delays_the_drain_and_damages_nothing),
        CASE(an_idle_journal_keeps_no_file), CASE(one_directory_one_server_and_the_reason_names_the_setting),
        CASE(files_and_the_directory_are_the_owners_alone),
        CASE(a_file_of_another_version_or_a_directory_that_cannot_be_ends_the_start_with_the_reason));
}
