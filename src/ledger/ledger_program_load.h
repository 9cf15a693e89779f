/* What nominations are decided by: programs, under their locks, what their subjects' latest
 * nominations are, and accounts. */
#ifndef LEDGER_PROGRAM_LOAD_H
#define LEDGER_PROGRAM_LOAD_H

#include "ledger/ledger_program_rules.h"
#include "ledger/ledger_rows.h"
#include "ledger_program_sql.h"

typedef struct ledger_nominee {
    int64_t book; /* 0: there is no such account */
    int64_t number;
} ledger_nominee;

typedef struct ledger_nominations {
    farm_session *session;
    size_t count;
    int64_t now_us;
    ledger_ids program_ids;
    ledger_program_state *programs; /* by the places of the ids */
    ledger_ids account_ids;
    ledger_nominee *accounts; /* likewise */
    id_map subject_map;       /* of both, program and subject */
    size_t subject_count;
    ledger_program_nomination_last_each *asked; /* by their numbers in the map */
    ledger_subject_state *subjects;             /* likewise */
    size_t *subject_of;                         /* of the items */
    int32_t has_failed;                         /* there was no memory for a text */
} ledger_nominations;

farm_status ledger_nominations_init(ledger_nominations *self, farm_session *session, size_t count);
/* An item. The ids and the text stay where they are. */
void ledger_nominations_add(ledger_nominations *self, size_t index, const farm_id *program_id,
                            const char *subject, const farm_id *account_id);
/* One round trip. */
farm_status ledger_nominations_read(ledger_nominations *self);
/* Of what was added; an account that was zeros is one that is not there. */
ledger_program_state *ledger_nominations_program(ledger_nominations *self, const farm_id *id);
ledger_nominee ledger_nominations_account(const ledger_nominations *self, const farm_id *id);

#endif
