/* What the fault tests do to a store: one operation of each kind, what it must have done when it
 * said so, and what a repeat may find. A module adds rows here, not a harness. */
#ifndef SCENARIOS_H
#define SCENARIOS_H

#include <farmcore/farmcore.h>

typedef struct fault_scenario {
    const char *name;
    /* Once, without faults. */
    farm_status (*prepare)(farm_session *session);
    /* Under faults, and once more without: the repeat must succeed. */
    farm_status (*act)(farm_session *session);
    /* A number from the rows, as the service: least after an act that failed for certain, most
     * after one that succeeded; anything else is half an effect. */
    const char *question;
    int64_t least;
    int64_t most;
    int64_t repeat_adds; /* what one more act adds to most: 0 where a repeat changes nothing */
    int has_id;          /* an uncertain outcome is settled by running it again */
} fault_scenario;

extern const fault_scenario scenarios[];
extern const size_t scenario_count;

/* Remove every row that a scenario leaves, as the service; aborts when the store does not let it.
 * The ledger's stay, see there.
 * On Postgres the tables of these are in the schema of support/test_store.h. */
void scenario_clear(farm_session *session);
/* The answer to a scenario's question; aborts when the store does not answer. */
int64_t scenario_answer(farm_session *session, const fault_scenario *scenario);
/* Whether farm_verify() finds nothing; prints what it finds. */
int scenario_is_sound(farm_session *session);

#endif
