/* The order of the checks is that of docs/ledger_programs.md: what is there already is compared
 * first, so that a repeat is told the same whatever has become of the program since. */
#include "ledger/ledger_program_rules.h"
#include "base/id.h"
#include "base/integer.h"
#include <string.h>

int64_t ledger_until_stored(int64_t until_us) {
    return until_us == 0 ? LEDGER_UNTIL_NEVER : until_us;
}

int64_t ledger_until_said(int64_t until_us) {
    return until_us == LEDGER_UNTIL_NEVER ? 0 : until_us;
}

static int32_t is_running(const ledger_subject_state *subject, int64_t now_us) {
    return subject->number != 0 && subject->until_us > now_us;
}

static int32_t compare(const farm_ledger_nomination *item, const ledger_subject_state *subject) {
    if (!id_equals(&item->account_id, &subject->account_id))
        return FARM_LEDGER_NOMINATION_EXISTS_WITH_DIFFERENT_ACCOUNT_ID;
    if (strcmp(item->nominated_by, subject->nominated_by) != 0)
        return FARM_LEDGER_NOMINATION_EXISTS_WITH_DIFFERENT_NOMINATED_BY;
    if (ledger_until_stored(item->until_us) != subject->given_until_us)
        return FARM_LEDGER_NOMINATION_EXISTS_WITH_DIFFERENT_UNTIL;
    if (!id_equals(&item->user_data_128, &subject->user_data_128))
        return FARM_LEDGER_NOMINATION_EXISTS_WITH_DIFFERENT_USER_DATA_128;
    return FARM_LEDGER_NOMINATION_EXISTS;
}

/* CREATED: it may be. */
static int32_t check_new(const farm_ledger_nomination *item, int64_t account_book, int64_t now_us,
                         const ledger_program_state *program) {
    const int64_t until_us = ledger_until_stored(item->until_us);
    const int64_t first_us = integer_max(now_us, program->from_us);
    if (!id_is_zero(&item->account_id)) {
        if (account_book == 0) return FARM_LEDGER_NOMINATION_ACCOUNT_NOT_FOUND;
        if (account_book != program->book)
            return FARM_LEDGER_NOMINATION_ACCOUNT_HAS_DIFFERENT_LEDGER;
    }
    if (program->until_us <= first_us) return FARM_LEDGER_NOMINATION_PROGRAM_ENDED;
    if (until_us != LEDGER_UNTIL_NEVER && (until_us <= first_us || until_us > program->until_us))
        return FARM_LEDGER_NOMINATION_UNTIL_OUT_OF_RANGE;
    if (program->nominations_max > 0 && program->nomination_count >= program->nominations_max)
        return FARM_LEDGER_NOMINATION_FULL;
    return FARM_LEDGER_NOMINATION_CREATED;
}

int32_t ledger_decide_nomination(const farm_ledger_nomination *item, int64_t account_book,
                                 int64_t now_us, ledger_program_state *program,
                                 ledger_subject_state *subject) {
    const int32_t runs = is_running(subject, now_us);
    if (program->book == 0) return FARM_LEDGER_NOMINATION_PROGRAM_NOT_FOUND;
    if (item->number == 0 ? runs : item->number == subject->number) return compare(item, subject);
    if (item->number != 0 && (runs || item->number - 1 != subject->number))
        return FARM_LEDGER_NOMINATION_EXISTS_WITH_DIFFERENT_NUMBER;
    const int32_t status = check_new(item, account_book, now_us, program);
    if (status != FARM_LEDGER_NOMINATION_CREATED) return status;
    program->nomination_count++;
    *subject = (ledger_subject_state){.number = subject->number + 1,
                                      .from_us = now_us,
                                      .until_us = ledger_until_stored(item->until_us),
                                      .given_until_us = ledger_until_stored(item->until_us),
                                      .account_id = item->account_id,
                                      .user_data_128 = item->user_data_128,
                                      .nominated_by = item->nominated_by};
    return status;
}

int32_t ledger_decide_withdrawal(const farm_ledger_withdrawal *item, int64_t now_us,
                                 ledger_program_state *program, ledger_subject_state *subject) {
    if (program->book == 0) return FARM_LEDGER_NOMINATION_PROGRAM_NOT_FOUND;
    if (subject->number == 0 || item->number > subject->number)
        return FARM_LEDGER_NOMINATION_NOMINATION_NOT_FOUND;
    if (item->number != 0 && item->number != subject->number)
        return FARM_LEDGER_NOMINATION_EXISTS_WITH_DIFFERENT_NUMBER;
    if (subject->withdrawn_by != NULL)
        return strcmp(item->withdrawn_by, subject->withdrawn_by) == 0
                   ? FARM_LEDGER_NOMINATION_EXISTS
                   : FARM_LEDGER_NOMINATION_EXISTS_WITH_DIFFERENT_WITHDRAWN_BY;
    if (subject->until_us <= now_us || program->until_us <= now_us)
        return FARM_LEDGER_NOMINATION_NOMINATION_ENDED;
    program->nomination_count--;
    /* It cannot end before it began, though this clock may be behind the one that made it. */
    subject->until_us = integer_max(now_us, subject->from_us);
    subject->withdrawn_by = item->withdrawn_by;
    return FARM_LEDGER_NOMINATION_CREATED;
}
