/* What the caller is told of his lines. */
#ifndef RATE_ANSWER_H
#define RATE_ANSWER_H

#include "rate/rate_request.h"

/* Whether there are places for an answer. */
farm_status rate_answer_check(farm_error *error, const void *results, size_t count,
                              const void *out);
/* The states that the lines' facts make, by their places, and the decision but for its token. */
void rate_answer_decide(const rate_lines *lines, const farm_entropy *entropy,
                        farm_rate_state *states, farm_rate_decision *decision);
/* Into the caller's structs, of whatever size. */
farm_status rate_answer_write(farm_error *error, const farm_rate_state *states, size_t count,
                              const farm_rate_decision *decision, void *results, void *out);

#endif
