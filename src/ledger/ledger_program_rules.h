/* What becomes of nominations and of those who are to be withdrawn: pure functions of what is
 * known. */
#ifndef LEDGER_PROGRAM_RULES_H
#define LEDGER_PROGRAM_RULES_H

#include <farmcore/ledger_program.h>

/* As it is stored: never, or as long as the program. */
#define LEDGER_UNTIL_NEVER INT64_MAX

typedef struct ledger_program_state {
    int64_t book; /* 0: there is no such program */
    int64_t from_us;
    int64_t until_us;
    int64_t nominations_max;
    int64_t nomination_count; /* that run */
} ledger_program_state;

/* The latest nomination of a subject in a program. */
typedef struct ledger_subject_state {
    int64_t number; /* 0: there was none */
    int64_t from_us;
    int64_t until_us;
    int64_t given_until_us;
    farm_id account_id;
    farm_id user_data_128;
    const char *nominated_by;
    const char *withdrawn_by; /* NULL: nobody */
} ledger_subject_state;

/* 0 and never, as they are said and as they are stored. */
int64_t ledger_until_stored(int64_t until_us);
int64_t ledger_until_said(int64_t until_us);

/* FARM_LEDGER_NOMINATION_…. What was decided is written into both. account_book: 0: there is no
 * such account. */
int32_t ledger_decide_nomination(const farm_ledger_nomination *item, int64_t account_book,
                                 int64_t now_us, ledger_program_state *program,
                                 ledger_subject_state *subject);
int32_t ledger_decide_withdrawal(const farm_ledger_withdrawal *item, int64_t now_us,
                                 ledger_program_state *program, ledger_subject_state *subject);

#endif
