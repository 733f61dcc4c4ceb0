/* ctl_shop.h - shopstreamctl shop: what its files share. One thread. */
#ifndef SHOPSTREAM_WORKER_CTL_CTL_SHOP_H
#define SHOPSTREAM_WORKER_CTL_CTL_SHOP_H

#include <stdbool.h>

#include "common/err.h"
#include "common/strbuf.h"
#include "worker/credentials.h"
#include "worker/ctl/ctl.h"
#include "worker/shop_record.h"

/* All of standard input. False: err. */
bool ctl_read_stdin(struct strbuf *to, struct err *err) __attribute__((warn_unused_result));

/* Stores records one by one and prints what changed, tokens masked. Returns an enum ctl_exit; ends at the first that fails. */
int ctl_put_records(struct ctl *c, struct store *store, const struct credentials *credentials,
                    const struct shop_records *records);

/* shop authorize PLATFORM ...: the link, or the exchange of the code it has brought. argv[0] is the platform. */
int ctl_shop_authorize(struct ctl *c, int argc, char **argv);

/* shop rekey: every stored token is sealed anew under the current CREDENTIALS_KEY. */
int ctl_shop_rekey(struct ctl *c);

#endif
