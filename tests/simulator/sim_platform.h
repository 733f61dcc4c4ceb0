/* sim_platform.h - what one marketplace has to provide; the rest of the simulator knows none by name.
 *
 * In:      calls of its API, changes on order of a test. Out: answers, entities, pushes, the truth about them.
 * Why so:  one process plays one platform (--platform), so a table of functions chosen once at the start is
 *          all the dispatch there is. A new platform adds its files sim_<name>*.c and one line in
 *          platform_list (sim_platform.c). */
#ifndef SIM_PLATFORM_H
#define SIM_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_entity.h"
#include "sim_sign.h"

struct answer;
struct buf;
struct call;
struct shop;
struct sim;

/* One entity as GET truth prints it. */
struct truth {
    char id[ENTITY_ID]; /* as the platform names it in its detail call */
    uint32_t revision;
    struct buf *body; /* borrowed; the body is appended */
};

struct sim_platform {
    const char *name;     /* of --platform and of every record */
    bool kinds[KINDS];    /* which kinds this platform has */
    size_t shop_digits;   /* shop->id has the shop's index in five digits from here on */
    size_t cipher_digits; /* the same of shop->cipher; platforms without ciphers leave those empty */

    /* Fills shop->id and shop->cipher. */
    void (*shop_init)(uint64_t seed, uint32_t index, struct shop *shop);
    /* One call that is not about /_sim/. Sets answer->number to what count_begin gave. */
    void (*answer)(struct sim *sim, const struct call *call, struct answer *answer);
    /* Moves an entity by one revision, creating it (and the order it belongs to) if need be. shop and number
     * are in range. Returns NULL, or why not; then the entity has not changed (but its order may have). */
    const char *(*change)(struct sim *sim, enum kind kind, uint32_t shop, uint32_t number,
                          const struct change *change, struct entity **out);
    /* Body of the push that announces the newest revision; false: nothing is pushed for it. */
    bool (*push)(struct sim *sim, const struct entity *entity, const struct change *change, struct buf *body);
    /* Body of any topic; shop: index, -1: an envelope without a shop. data: a JSON text. */
    void (*topic)(struct sim *sim, int64_t type, int64_t shop, const char *data, struct buf *body);
    /* Signature of a push with this body, and the path webhook-sender posts it to. */
    void (*sign)(const struct sim *sim, const char *body, size_t len, char out[SIGN_HEX]);
    const char *push_path;
    /* Word for the newest revision's status. */
    const char *(*status)(const struct entity *entity);
    /* Appends a revision (1 … entity->revisions) as the detail call serves it. Only kinds that are cached. */
    void (*render)(const struct sim *sim, const struct entity *entity, uint32_t revision, struct buf *to);
    /* What the platform serves for this entity now; false: nothing. Numbers up to the longest store are asked. */
    bool (*truth)(struct sim *sim, enum kind kind, uint32_t shop, uint32_t number, struct truth *out);
    /* One line of GET shops without its newline: a record as `shopstreamctl shop put` reads it. */
    void (*shop_line)(struct sim *sim, uint32_t shop, struct buf *to);
    /* What the platform calls the account behind an authorization. */
    void (*account)(const struct sim *sim, uint32_t auth, char out[ENTITY_ID]);
    /* Checks what needs no network; each failure is one line on standard error. */
    bool (*selftest)(void);
    /* May be NULL. First values of switches, and what the platform keeps beside entities; its end. */
    void (*init)(struct sim *sim);
    void (*deinit)(struct sim *sim);
    /* May be NULL. A call of the control API that only this platform has; false: it has no such call. */
    bool (*control)(struct sim *sim, const struct call *call, struct answer *answer);
};

extern const struct sim_platform platform_tiktok;
extern const struct sim_platform platform_shopee;

/* NULL: no such platform. */
const struct sim_platform *platform_by_name(const char *name);
/* The platforms in turn, from 0; NULL after the last. */
const struct sim_platform *platform_at(size_t index);

#endif
