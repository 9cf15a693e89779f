/* Groups and members as texts, for tests that read like a specification. */
#ifndef LEDGER_GROUPS_H
#define LEDGER_GROUPS_H

#include <farmcore/ledger_group.h>

/* What they begin with: A5 is of book 2. */
#define LEDGER_GROUPS_BOOKS                                                                        \
    "book 1 EUR 2\n"                                                                               \
    "book 2 USD 2\n"                                                                               \
    "account A1\n"                                                                                 \
    "account A2\n"                                                                                 \
    "account A3\n"                                                                                 \
    "account A4\n"                                                                                 \
    "account A5 book=2\n"                                                                          \
    "send\n"

/* Open groups: "G2<G1" stands below G1, "G9@2" is of book 2; of book 1 if it does not say. */
farm_status ledger_groups_open(farm_session *session, const char *text);

typedef farm_status (*ledger_members_function)(farm_session *session,
                                               const farm_ledger_member *items, size_t count);

/* Put members in or take them out: "A1>G1" is A1 of G1. */
farm_status ledger_groups_change(farm_session *session, ledger_members_function function,
                                 const char *text);

#endif
