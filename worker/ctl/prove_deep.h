/* prove_deep.h - shopstreamctl prove --deep: a random sample of what is stored, read from the marketplaces and compared field
 * by field.
 *
 * Where `prove` follows events, this asks whether MongoDB equals the marketplace, whatever events there were. */
#ifndef SHOPSTREAM_WORKER_CTL_PROVE_DEEP_H
#define SHOPSTREAM_WORKER_CTL_PROVE_DEEP_H

#include "worker/ctl/ctl.h"

/* argv: "prove" "--deep" N, then --seed S and --patience SECONDS. Returns an enum ctl_exit: 1 when a document differs, 3 when
 * some could not be read. */
int prove_deep(struct ctl *c, int argc, char **argv);

#endif
