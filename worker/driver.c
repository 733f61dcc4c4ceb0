/* driver.c - worker: the start of libmongoc.
 *
 * Fails:   never; what cannot be removed was not there.
 * Thread:  the first, before any other.
 * Why so:  libmongoc keeps its counters in shared memory under a name made of the process id, and removes it when the
 *          process ends in order. After a SIGKILL it stays for good, and a later process with the same id complains. It is
 *          made before main, so MONGOC_DISABLE_SHM cannot be set in time; without its name it ends with the process. */
#include "worker/driver.h"

#include <mongoc/mongoc.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

void driver_init(void)
{
    char name[32];

    mongoc_init();
    snprintf(name, sizeof(name), "/mongoc-%u", (unsigned)getpid());
    (void)shm_unlink(name);
}
