/* sim_token.h - access tokens, refresh tokens and consent codes of the authorizations.
 *
 * In:     token texts from headers and queries. Out: whose they are and whether they still count.
 * Why so: a token names its authorization and its generation, so nothing has to be looked up, and every token
 * ever handed out can be told apart from one that was made up.
 *
 * ROW_sim-access-AAAAA-GGGGG-DDDDDDDDDD, ROW_sim-refresh-…, ROW_sim-code-…: index, generation, digits. */
#ifndef SIM_TOKEN_H
#define SIM_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

struct sim;

#define TOKEN_TEXT 64

enum token_state { TOKEN_GOOD, TOKEN_UNKNOWN, TOKEN_EXPIRED, TOKEN_REVOKED };

void token_access(const struct sim *sim, uint32_t auth, uint32_t generation, char out[TOKEN_TEXT]);
void token_refresh(const struct sim *sim, uint32_t auth, uint32_t generation, char out[TOKEN_TEXT]);
void token_code(struct sim *sim, uint32_t auth, char out[TOKEN_TEXT]);

/* *auth is set unless UNKNOWN. */
enum token_state token_check(const struct sim *sim, const char *text, uint32_t *auth);

/* Which authorization does this refresh token (or consent code) open? False: none, or not any more; *auth is
 * then set if the text was ever one of ours. A code is used up and lifts a revocation. text may be NULL. */
bool token_grant(struct sim *sim, const char *text, bool refresh, uint32_t *auth);
/* The next generation of tokens; the access token lives from now. */
void token_rotate(struct sim *sim, uint32_t auth);

#endif
