/* sim_token.h - access tokens, refresh tokens and consent codes of the authorizations.
 *
 * In:     token texts from headers and queries. Out: whose they are and whether they still count.
 * Why so: a token names its authorization and its generation, so nothing has to be looked up, and every token
 * ever handed out can be told apart from one that was made up.
 *
 * ROW_sim-access-AAAAA-GGGGG-DDDDDDDDDD, ROW_sim-refresh-…, ROW_sim-code-…: index, generation, digits. */
#ifndef SIM_TOKEN_H
#define SIM_TOKEN_H

#include <stdint.h>

struct sim;
struct call;
struct answer;

#define TOKEN_TEXT 64

enum token_state { TOKEN_GOOD, TOKEN_UNKNOWN, TOKEN_EXPIRED };

void token_access(const struct sim *sim, uint32_t auth, uint32_t generation, char out[TOKEN_TEXT]);
void token_refresh(const struct sim *sim, uint32_t auth, uint32_t generation, char out[TOKEN_TEXT]);
void token_code(struct sim *sim, uint32_t auth, char out[TOKEN_TEXT]);

/* *auth is set unless UNKNOWN. */
enum token_state token_check(const struct sim *sim, const char *text, uint32_t *auth);

/* GET /api/v2/token/refresh and /api/v2/token/get. */
void token_answer(struct sim *sim, const struct call *call, struct answer *answer);

#endif
