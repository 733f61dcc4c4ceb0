/* driver.h - worker: the start of libmongoc, for every program that uses it. */
#ifndef SHOPSTREAM_WORKER_DRIVER_H
#define SHOPSTREAM_WORKER_DRIVER_H

/* mongoc_init, and nothing of it left behind when the process is killed. Once, before any thread; mongoc_cleanup ends it. */
void driver_init(void);

#endif
