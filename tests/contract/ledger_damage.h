/* Damage that no statement can do while the triggers stand, and what verification says of it. */
#ifndef LEDGER_DAMAGE_H
#define LEDGER_DAMAGE_H

#include <farmcore/session.h>

/* Run a statement without the triggers of the ledger. "@1" stands for the number of account A1 and
 * "#1" for the id of transfer T1. */
void ledger_damage(farm_session *session, const char *text);
/* farm_verify() finds something by this check, as "ledger_audit.check_holds". */
void ledger_expect_violation(farm_session *session, const char *check);

#endif
