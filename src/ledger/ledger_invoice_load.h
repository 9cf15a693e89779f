/* What the store knows of invoices that are to be issued, loaded for the rules. */
#ifndef LEDGER_INVOICE_LOAD_H
#define LEDGER_INVOICE_LOAD_H

#include "ledger/ledger_invoice_rules.h"
#include "store/run.h"

/* Lock the series and the transfers that the items name, and read what is known of them: all of
 * this by items, lines, and first_lines, which are there. */
farm_status ledger_load_invoices(farm_session *session, ledger_invoicing *invoicing);

#endif
