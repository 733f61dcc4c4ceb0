/* metrics.h - common: counters and gauges of one process in Prometheus text form.
 *
 * Each metric is one line of the table METRICS below: name, kind, help. Values are relaxed atomics, so any thread adds
 * without a lock. Labelled families (few, bounded label values) are further lines with the label in the name column.
 * The metrics table is one of the two globals the house allows. */
#ifndef SHOPSTREAM_COMMON_METRICS_H
#define SHOPSTREAM_COMMON_METRICS_H

#include <stdint.h>

#include "common/strbuf.h"

/* X(identifier, "prometheus_name{labels}", COUNTER|GAUGE, "help") in the order of the pipe.
 * Lines of one family stand together; help is taken from the first. */
#define METRICS(X)                                                                                           \
    X(SERVER_REQUESTS_STORED, "shopstream_server_requests_total{answer=\"stored\"}", COUNTER,                \
      "webhook requests by how they were answered")                                                          \
    X(SERVER_REQUESTS_DUPLICATE, "shopstream_server_requests_total{answer=\"duplicate\"}", COUNTER, "")      \
    X(SERVER_REQUESTS_JOURNALED, "shopstream_server_requests_total{answer=\"journaled\"}", COUNTER, "")      \
    X(SERVER_REQUESTS_DEAD, "shopstream_server_requests_total{answer=\"dead_letter\"}", COUNTER, "")         \
    X(SERVER_REQUESTS_PUSH_CHECK, "shopstream_server_requests_total{answer=\"push_check\"}", COUNTER, "")    \
    X(SERVER_REQUESTS_UNSIGNED, "shopstream_server_requests_total{answer=\"unauthorized\"}", COUNTER, "")    \
    X(SERVER_REQUESTS_BAD, "shopstream_server_requests_total{answer=\"bad_request\"}", COUNTER, "")          \
    X(SERVER_REQUESTS_TOO_LARGE, "shopstream_server_requests_total{answer=\"too_large\"}", COUNTER, "")      \
    X(SERVER_REQUESTS_UNAVAILABLE, "shopstream_server_requests_total{answer=\"unavailable\"}", COUNTER, "")  \
    X(SERVER_UNSIGNED_TIKTOK_MISSING,                                                                        \
      "shopstream_server_unauthorized_total{platform=\"tiktok\",reason=\"missing\"}", COUNTER,               \
      "signatures refused with 401, by platform and reason")                                                 \
    X(SERVER_UNSIGNED_TIKTOK_MALFORMED,                                                                      \
      "shopstream_server_unauthorized_total{platform=\"tiktok\",reason=\"malformed\"}", COUNTER, "")         \
    X(SERVER_UNSIGNED_TIKTOK_MISMATCH,                                                                       \
      "shopstream_server_unauthorized_total{platform=\"tiktok\",reason=\"mismatch\"}", COUNTER, "")          \
    X(SERVER_UNSIGNED_SHOPEE_MISSING,                                                                        \
      "shopstream_server_unauthorized_total{platform=\"shopee\",reason=\"missing\"}", COUNTER, "")           \
    X(SERVER_UNSIGNED_SHOPEE_MALFORMED,                                                                      \
      "shopstream_server_unauthorized_total{platform=\"shopee\",reason=\"malformed\"}", COUNTER, "")         \
    X(SERVER_UNSIGNED_SHOPEE_MISMATCH,                                                                       \
      "shopstream_server_unauthorized_total{platform=\"shopee\",reason=\"mismatch\"}", COUNTER, "")          \
    X(SERVER_VERIFIED_TIKTOK_CURRENT,                                                                        \
      "shopstream_server_verified_total{platform=\"tiktok\",key=\"current\"}", COUNTER,                      \
      "pushes by the key they were signed with: previous at rest means that a rotation is over")             \
    X(SERVER_VERIFIED_TIKTOK_PREVIOUS,                                                                       \
      "shopstream_server_verified_total{platform=\"tiktok\",key=\"previous\"}", COUNTER, "")                 \
    X(SERVER_VERIFIED_SHOPEE_PUSH_CURRENT,                                                                   \
      "shopstream_server_verified_total{platform=\"shopee\",key=\"push_current\"}", COUNTER, "")             \
    X(SERVER_VERIFIED_SHOPEE_PUSH_PREVIOUS,                                                                  \
      "shopstream_server_verified_total{platform=\"shopee\",key=\"push_previous\"}", COUNTER, "")            \
    X(SERVER_VERIFIED_SHOPEE_PARTNER_CURRENT,                                                                \
      "shopstream_server_verified_total{platform=\"shopee\",key=\"partner_current\"}", COUNTER, "")          \
    X(SERVER_VERIFIED_SHOPEE_PARTNER_PREVIOUS,                                                               \
      "shopstream_server_verified_total{platform=\"shopee\",key=\"partner_previous\"}", COUNTER, "")         \
    X(SERVER_REFUSED_INFLIGHT, "shopstream_server_unavailable_total{reason=\"inflight\"}", COUNTER,          \
      "503 answers by reason")                                                                               \
    X(SERVER_REFUSED_REDIS_DOWN, "shopstream_server_unavailable_total{reason=\"redis_down\"}", COUNTER, "")  \
    X(SERVER_REFUSED_REDIS_ERROR, "shopstream_server_unavailable_total{reason=\"redis_error\"}", COUNTER,    \
      "")                                                                                                    \
    X(SERVER_REFUSED_DEADLINE, "shopstream_server_unavailable_total{reason=\"deadline\"}", COUNTER, "")      \
    X(SERVER_REFUSED_JOURNAL, "shopstream_server_unavailable_total{reason=\"journal\"}", COUNTER, "")        \
    X(SERVER_REFUSED_DRAINING, "shopstream_server_unavailable_total{reason=\"draining\"}", COUNTER, "")      \
    X(SERVER_REFUSED_UNCONFIGURED, "shopstream_server_unavailable_total{reason=\"unconfigured\"}", COUNTER,  \
      "")                                                                                                    \
    X(SERVER_REFUSED_CONNECTIONS, "shopstream_server_unavailable_total{reason=\"connections\"}", COUNTER,    \
      "")                                                                                                    \
    X(SERVER_TOPIC_UNKNOWN, "shopstream_server_topics_unknown_total", COUNTER,                               \
      "signed pushes of a topic no row maps (kept raw)")                                                     \
    X(SERVER_ENTRIES_STORED, "shopstream_server_entries_stored_total", COUNTER, "entries Redis gave an id")  \
    X(SERVER_ENTRIES_DUPLICATE, "shopstream_server_entries_duplicate_total", COUNTER,                        \
      "entries not stored again, because their mark stands")                                                 \
    X(SERVER_LATE_REPLIES, "shopstream_server_late_replies_total", COUNTER,                                  \
      "replies of Redis after the request had been answered")                                                \
    X(SERVER_REDIS_CONNECTS, "shopstream_server_redis_connects_total", COUNTER, "connections made to Redis") \
    X(SERVER_REDIS_LOSSES, "shopstream_server_redis_losses_total", COUNTER,                                  \
      "connections to Redis lost or refused")                                                                \
    X(SERVER_REDIS_UP, "shopstream_server_redis_up", GAUGE, "loops with a working connection to Redis")      \
    X(SERVER_JOURNAL_BYTES, "shopstream_server_journal_bytes", GAUGE, "size of the journal on disk")         \
    X(SERVER_JOURNAL_RECORDS, "shopstream_server_journal_records", GAUGE,                                    \
      "entries in the journal that Redis has not acknowledged")                                              \
    X(SERVER_JOURNAL_OLDEST_MS, "shopstream_server_journal_oldest_milliseconds", GAUGE,                      \
      "age of the oldest of them")                                                                           \
    X(SERVER_JOURNAL_WRITTEN, "shopstream_server_journal_written_total", COUNTER,                            \
      "entries flushed to the journal")                                                                      \
    X(SERVER_JOURNAL_DRAINED, "shopstream_server_journal_drained_total", COUNTER,                            \
      "entries of the journal that Redis has acknowledged")                                                  \
    X(SERVER_JOURNAL_KNOWN, "shopstream_server_journal_known_total", COUNTER,                                \
      "of them those whose mark stood: not stored again")                                                    \
    X(SERVER_JOURNAL_REFUSED, "shopstream_server_journal_refused_total", COUNTER,                            \
      "entries the journal could not take: full, no space, failed write or flush")                           \
    X(SERVER_JOURNAL_SYNCS, "shopstream_server_journal_syncs_total", COUNTER, "flushes, each of a group")    \
    X(SERVER_JOURNAL_SYNC_ERRORS, "shopstream_server_journal_sync_errors_total", COUNTER,                    \
      "flushes that failed")                                                                                 \
    X(SERVER_JOURNAL_TORN, "shopstream_server_journal_torn_total", COUNTER,                                  \
      "unfinished tails cut at start: nothing that was answered 200")                                        \
    X(SERVER_JOURNAL_DAMAGED, "shopstream_server_journal_damaged_bytes_total", COUNTER,                      \
      "bytes of records that could not be read back: lost data, page somebody")                              \
    X(SERVER_RING_RECORDS, "shopstream_server_ring_records", GAUGE,                                          \
      "stored entries kept in case Redis loses them")                                                        \
    X(SERVER_RING_BYTES, "shopstream_server_ring_bytes", GAUGE, "their bytes")                               \
    X(SERVER_RING_EARLY, "shopstream_server_ring_early_total", COUNTER,                                      \
      "of them those that left before REPLAY_SECONDS because of REPLAY_MAX_BYTES")                           \
    X(SERVER_RING_SHORT, "shopstream_server_ring_short", GAUGE,                                              \
      "loops whose ring holds less than three seconds: page somebody")                                       \
    X(SERVER_GAPS_RUN, "shopstream_server_gaps_total{reason=\"run_id\"}", COUNTER,                           \
      "losses in Redis that were looked into, by what told of them")                                         \
    X(SERVER_GAPS_GONE, "shopstream_server_gaps_total{reason=\"gone\"}", COUNTER, "")                        \
    X(SERVER_GAPS_FELL, "shopstream_server_gaps_total{reason=\"fell\"}", COUNTER, "")                        \
    X(SERVER_REPLAY_THERE, "shopstream_server_replayed_total{result=\"there\"}", COUNTER,                    \
      "entries sent again, by what became of them")                                                          \
    X(SERVER_REPLAY_STORED, "shopstream_server_replayed_total{result=\"stored\"}", COUNTER, "")              \
    X(SERVER_REPLAY_JOURNALED, "shopstream_server_replayed_total{result=\"journaled\"}", COUNTER, "")        \
    X(SERVER_REPLAY_DUE, "shopstream_server_replay_due", GAUGE, "entries still to be sent again")            \
    X(SERVER_LEDGER_ERRORS, "shopstream_server_ledger_errors_total", COUNTER,                                \
      "gap records that could not be written to the ledger")                                                 \
    X(SERVER_JOURNAL_KEPT, "shopstream_server_journal_kept_records", GAUGE,                                  \
      "entries on disk that Redis has, kept in case it loses them")                                          \
    X(SERVER_REDIS_USED, "shopstream_server_redis_used_percent", GAUGE,                                      \
      "memory of Redis in use, of what it may use; -1 = unknown")                                            \
    X(SERVER_HIGH_WATER, "shopstream_server_high_water", GAUGE,                                              \
      "1 = Redis is too full: events go to the journal")                                                     \
    X(SERVER_PARTITIONS, "shopstream_server_partitions", GAUGE, "partitions new events are spread over")     \
    X(SERVER_PARTITIONS_MOST, "shopstream_server_partitions_most", GAUGE, "the most ever used")              \
    X(SERVER_LAYOUT_UNREADABLE, "shopstream_server_layout_unreadable", GAUGE,                                \
      "1 = webhooks:layout is not what a program of ours has written: somebody must look")                   \
    X(SERVER_INFLIGHT, "shopstream_server_inflight", GAUGE, "requests waiting for Redis")                    \
    X(SERVER_INFLIGHT_BYTES, "shopstream_server_inflight_bytes", GAUGE, "their bytes")                       \
    X(SERVER_CONNECTIONS, "shopstream_server_connections", GAUGE, "client connections")                      \
    X(SERVER_DROPPED_CONNECTIONS, "shopstream_server_dropped_connections_total", COUNTER,                    \
      "connections over a limit that were closed without an answer")                                         \
    X(SERVER_SLOW_CLIENTS, "shopstream_server_slow_clients_total", COUNTER,                                  \
      "connections closed because a request took longer than CLIENT_TIMEOUT_MS to arrive")                   \
    X(SERVER_STORE_US, "shopstream_server_store_microseconds_total", COUNTER,                                \
      "time from request to Redis' acknowledgement, summed over stored requests")                            \
    X(WORKER_ENTRIES_READ, "shopstream_worker_entries_read_total", COUNTER,                                  \
      "entries delivered to this process")                                                                   \
    X(WORKER_ENTRIES_RECLAIMED, "shopstream_worker_entries_reclaimed_total", COUNTER,                        \
      "entries taken over: due again, or of a worker that is gone")                                          \
    X(WORKER_ENTRIES_LOST, "shopstream_worker_entries_lost_total", COUNTER,                                  \
      "pending entries whose body is gone from the stream: lost data, page somebody")                        \
    X(WORKER_NEEDS_FOLDED, "shopstream_worker_entries_folded_total", COUNTER,                                \
      "entries that joined another's read")                                                                  \
    X(WORKER_REFLECTED, "shopstream_worker_entries_reflected_total", COUNTER,                                \
      "entries the database already reflected")                                                              \
    X(WORKER_FETCH_CALLS, "shopstream_worker_fetch_calls_total", COUNTER, "marketplace calls")               \
    X(WORKER_FETCH_IDS, "shopstream_worker_fetch_ids_total", COUNTER, "ids asked for in them")               \
    X(WORKER_FETCH_OK, "shopstream_worker_fetch_results_total{result=\"ok\"}", COUNTER,                      \
      "marketplace calls by result")                                                                         \
    X(WORKER_FETCH_RETRY, "shopstream_worker_fetch_results_total{result=\"retry\"}", COUNTER, "")            \
    X(WORKER_FETCH_LIMIT, "shopstream_worker_fetch_results_total{result=\"limit\"}", COUNTER, "")            \
    X(WORKER_FETCH_TOKEN, "shopstream_worker_fetch_results_total{result=\"token\"}", COUNTER, "")            \
    X(WORKER_FETCH_AUTH, "shopstream_worker_fetch_results_total{result=\"auth\"}", COUNTER, "")              \
    X(WORKER_FETCH_PERM, "shopstream_worker_fetch_results_total{result=\"perm\"}", COUNTER, "")              \
    X(WORKER_FETCH_SCOPE, "shopstream_worker_fetch_results_total{result=\"scope\"}", COUNTER, "")            \
    X(WORKER_FETCH_DENIED, "shopstream_worker_fetch_results_total{result=\"denied\"}", COUNTER, "")          \
    X(WORKER_FETCH_GONE, "shopstream_worker_fetch_results_total{result=\"gone\"}", COUNTER, "")              \
    X(WORKER_FETCH_ABSENT, "shopstream_worker_fetch_results_total{result=\"absent\"}", COUNTER, "")          \
    X(WORKER_FETCH_EMPTY, "shopstream_worker_fetch_results_total{result=\"empty\"}", COUNTER, "")            \
    X(WORKER_FETCH_UNKNOWN_CODES, "shopstream_worker_fetch_unknown_codes_total", COUNTER,                    \
      "answers with a code that no table of ours knows")                                                     \
    X(WORKER_FETCH_CARRIED, "shopstream_worker_fetch_carried_total", COUNTER,                                \
      "calls carried over to a later turn")                                                                  \
    X(WORKER_FETCH_STALE, "shopstream_worker_fetch_stale_total", COUNTER,                                    \
      "answers older than the event announced")                                                              \
    X(WORKER_FETCH_MISSING, "shopstream_worker_fetch_missing_total", COUNTER, "ids left out of an answer")   \
    X(WORKER_CIRCUITS_OPEN, "shopstream_worker_circuits_open", GAUGE, "shops whose calls all fail")          \
    X(WORKER_REFRESH_DONE, "shopstream_worker_refreshes_total{result=\"renewed\"}", COUNTER,                 \
      "refreshes of access tokens by result")                                                                \
    X(WORKER_REFRESH_FINISHED, "shopstream_worker_refreshes_total{result=\"finished\"}", COUNTER, "")        \
    X(WORKER_REFRESH_DROPPED, "shopstream_worker_refreshes_total{result=\"superseded\"}", COUNTER, "")       \
    X(WORKER_REFRESH_FAILED, "shopstream_worker_refreshes_total{result=\"put_off\"}", COUNTER, "")           \
    X(WORKER_REFRESH_REFUSED, "shopstream_worker_refreshes_total{result=\"refused\"}", COUNTER, "")          \
    X(WORKER_REFRESH_LOST, "shopstream_worker_refreshes_total{result=\"answer_lost\"}", COUNTER, "")         \
    X(WORKER_AUTHORIZATIONS_ALARMED, "shopstream_worker_authorizations_alarmed", GAUGE,                      \
      "authorizations with an alarm: somebody must look, most often authorise again")                        \
    X(WORKER_ACCESS_SHORTEST, "shopstream_worker_access_token_seconds_left", GAUGE,                          \
      "shortest remaining life of an access token that is refreshed; -1 = there is none")                    \
    X(WORKER_STATE_UNKNOWN, "shopstream_worker_state_unknown_total", COUNTER,                                \
      "status words no state table knows")                                                                   \
    X(WORKER_VERSION_UNUSABLE, "shopstream_worker_version_unusable_total", COUNTER,                          \
      "answers without an update time, or with one more than a day ahead: the stored version stayed")        \
    X(WORKER_DOCUMENTS_INVALID, "shopstream_worker_documents_invalid_total", COUNTER,                        \
      "documents with is_valid false")                                                                       \
    X(WORKER_BULKS, "shopstream_worker_bulks_total", COUNTER, "bulk commands sent to MongoDB")               \
    X(WORKER_DOCUMENTS_WRITTEN, "shopstream_worker_documents_total{result=\"written\"}", COUNTER,            \
      "documents by what their write did")                                                                   \
    X(WORKER_DOCUMENTS_TOUCHED, "shopstream_worker_documents_total{result=\"version_only\"}", COUNTER, "")   \
    X(WORKER_DOCUMENTS_STALE, "shopstream_worker_documents_total{result=\"not_newer\"}", COUNTER, "")        \
    X(WORKER_DOCUMENTS_TOMBSTONE, "shopstream_worker_documents_total{result=\"tombstone\"}", COUNTER, "")    \
    X(WORKER_SECOND_PASSES, "shopstream_worker_second_passes_total", COUNTER, "ops redone after E11000")     \
    X(WORKER_UNKNOWN_OUTCOMES, "shopstream_worker_unknown_outcomes_total", COUNTER,                          \
      "ops redone, outcome unknown")                                                                         \
    X(WORKER_MONGO_PAUSES, "shopstream_worker_pauses_total{dependency=\"mongo\"}", COUNTER,                  \
      "pauses because a dependency was away")                                                                \
    X(WORKER_REDIS_PAUSES, "shopstream_worker_pauses_total{dependency=\"redis\"}", COUNTER, "")              \
    X(WORKER_ACKED, "shopstream_worker_entries_acked_total", COUNTER, "entries acknowledged")                \
    X(WORKER_PARKED, "shopstream_worker_entries_parked_total", COUNTER,                                      \
      "of them those whose need waits in MongoDB for its shop")                                              \
    X(WORKER_TRANSACTIONS_RAISED, "shopstream_worker_transactions_raised_total", COUNTER,                    \
      "needs for the transactions of an order, raised because its money moved")                              \
    X(WORKER_ASKED_AGAIN, "shopstream_worker_asked_again_total", COUNTER,                                    \
      "needs raised because a part was left out of an answer, or a completed order has no transactions yet") \
    X(WORKER_GIVEN_UP_INCOMPLETE, "shopstream_worker_given_up_total{left_out=\"part\"}", COUNTER,            \
      "answers that still lacked it at the last ask, until the next event")                                  \
    X(WORKER_GIVEN_UP_UNSETTLED, "shopstream_worker_given_up_total{left_out=\"transactions\"}", COUNTER, "") \
    X(WORKER_NEEDS, "shopstream_worker_needs", GAUGE, "needs that wait in MongoDB, as last counted")         \
    X(WORKER_NEEDS_OLDEST_MS, "shopstream_worker_needs_oldest_milliseconds", GAUGE, "age of the oldest")     \
    X(WORKER_NEEDS_SWEPT, "shopstream_worker_needs_swept_total", COUNTER, "needs given back to the stream")  \
    X(WORKER_SWEEP_ROUNDS, "shopstream_worker_sweep_rounds_total", COUNTER,                                  \
      "rounds over all shops with needs, those cut short by an outage too")                                  \
    X(WORKER_SWEEP_PROBES, "shopstream_worker_sweep_probes_total", COUNTER,                                  \
      "calls that asked whether a shop with needs answers again")                                            \
    X(WORKER_ACKED_LESS, "shopstream_worker_acked_less_total", COUNTER,                                      \
      "entries sent to XACK that were not pending")                                                          \
    X(WORKER_RETRIED, "shopstream_worker_entries_deferred_total{attempt=\"counted\"}", COUNTER,              \
      "entries put back for later")                                                                          \
    X(WORKER_DEFERRED, "shopstream_worker_entries_deferred_total{attempt=\"free\"}", COUNTER, "")            \
    X(WORKER_DEAD, "shopstream_worker_entries_dead_total", COUNTER, "entries moved to the dead letters")     \
    X(WORKER_TRIMMED, "shopstream_worker_entries_trimmed_total", COUNTER,                                    \
      "finished entries trimmed from streams")                                                               \
    X(WORKER_TRIMMED_HARD, "shopstream_worker_entries_dropped_total", COUNTER,                               \
      "entries over STREAM_MAXLEN dropped by STREAM_TRIM=hard, read or not: lost data")                      \
    X(WORKER_PARTITIONS, "shopstream_worker_partitions", GAUGE, "partitions new events are spread over")     \
    X(WORKER_PARTITIONS_MOST, "shopstream_worker_partitions_most", GAUGE,                                    \
      "the most ever used: so many are read")                                                                \
    X(WORKER_LAYOUT_UNREADABLE, "shopstream_worker_layout_unreadable", GAUGE,                                \
      "1 = webhooks:layout is not what a program of ours has written: somebody must look")                   \
    X(WORKER_HELD, "shopstream_worker_entries_held", GAUGE, "entries the lanes hold")                        \
    X(WORKER_OLDEST_PENDING_MS, "shopstream_worker_oldest_pending_milliseconds", GAUGE,                      \
      "age of the oldest unfinished entry of the group")                                                     \
    X(WORKER_LAG, "shopstream_worker_lag", GAUGE, "entries not yet delivered; -1 = unknown")                 \
    X(WORKER_STREAM_LENGTH, "shopstream_worker_stream_length", GAUGE, "entries in all streams")

#define METRICS_ENUM(identifier, name, kind, help) METRIC_##identifier,
enum metric { METRICS(METRICS_ENUM) METRIC_COUNT };
#undef METRICS_ENUM

void metric_add(enum metric m, int64_t by); /* counters, and gauges kept by adding and subtracting */
void metric_set(enum metric m, int64_t value);
int64_t metric_get(enum metric m);

/* Counts a word that no state table knows, by word: shopstream_worker_state_unknown_words_total. It comes from outside, so
 * it is cut at 63 bytes, all but letters, digits and "_-. " show as "?", and from the 33rd word on they count as one. */
void metric_add_unknown_word(const char *word, size_t length);

enum { METRIC_GROUP_BYTES = 64 }; /* of a consumer group's name as a label, its NUL included */

/* The oldest trim floor of all streams: shopstream_worker_trim_floor_age_milliseconds{group="..."}, one line. group: the
 * consumer group whose unfinished entry it is; "" with age 0 = none. Escaped as the words above are. */
void metric_set_trim_floor(int64_t age_ms, const char *group);

/* Appends Prometheus text format 0.0.4 of every metric of a program: "server" or "worker". */
void metrics_render(struct strbuf *to, const char *program);

#endif
