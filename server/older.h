/* older.h - server, stage 4 of 5: how much of what nobody keeps any more has Redis lost?
 *
 * In:      the ids of stored entries as their keeper lets go of them (a loop's ring, the drain's files), one stream's; the answers
 *          to the questions about that stream (watch.h).
 * Out:     the id to ask for, and after a loss: at most so many of these entries are gone and were not worked off.
 * Fails:   never; what cannot be known counts as lost.
 * Thread:  its owner's only. Pure: no I/O, no clock.
 * Why so:  whatever way Redis loses, it loses the end of what it has done: all of its newest seconds (a crash, a replica without the
 *          tail, an older copy), or everything. So when the newest entry that was let go of is there, all before it are, and
 *          nothing is lost. When it is not, those behind the newest survivor are. Three facts keep the number down:
 *            - the keeper's own entries are counted, one by one: an entry stored with its reply lost, or by somebody else, is not
 *              taken for one;
 *            - those that every group had acknowledged before are in MongoDB (the floor), and forgotten;
 *            - those that were trimmed meanwhile had been acknowledged: the stream tells how many are, and a few positions
 *              (points) tell how far that reaches.
 *          Ids stand in runs, since a backlog may be millions: a number may be too high by a run, about 3 % of all. */
#ifndef SHOPSTREAM_SERVER_OLDER_H
#define SHOPSTREAM_SERVER_OLDER_H

#include <stddef.h>
#include <stdint.h>

#include "server/mark.h"

enum { OLDER_RUNS = 64, OLDER_POINTS = 32 };

/* Zeroed: nothing was let go of. */
struct older {
    struct older_run {
        struct mark_id last; /* the newest of them */
        int64_t count;       /* entries */
    } runs[OLDER_RUNS];      /* oldest first */
    size_t run_count;
    size_t asked;  /* of them those that the question out is about */
    int64_t count; /* entries of all runs */
    struct older_point {
        struct mark_id last; /* the stream's last id */
        int64_t added;       /* and so many entries had been added up to it */
    } points[OLDER_POINTS];  /* oldest first; but for the first, younger than newest */
    size_t point_count;
    struct mark_id newest; /* of all that was let go of since the last loss */
    struct mark_id floor;  /* what is before it is worked off */
};

/* count entries, the newest of which has this id, are kept no longer. id zero (not known): nothing is noted. */
void older_left(struct older *o, struct mark_id id, int64_t count);

/* The id to ask for: that of the newest entry in the account; zero: none. */
struct mark_id older_ask(struct older *o);

/* The answer to the question asked last, on a stream that has lost nothing: floor, its last id and how many were added. */
void older_seen(struct older *o, struct mark_id floor, struct mark_id last, int64_t added);

/* The answer to the question asked last, on a stream that has lost something. survivor: the newest entry up to the id asked for;
 * zero: none. safe: so many of the stream's first entries are not lost for sure. Returns how many are lost at most; they
 * leave the account, so a further loss adds to it. */
int64_t older_lost(struct older *o, struct mark_id survivor, int64_t safe);

#endif
