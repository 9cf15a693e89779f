/* Between the rows of the statements and invoices and their lines. */
#ifndef LEDGER_INVOICE_ROWS_H
#define LEDGER_INVOICE_ROWS_H

#include "ledger/ledger_rows.h"
#include "ledger_invoice_sql.h"
#include <farmcore/ledger_invoice.h>

farm_ledger_invoice_row ledger_invoice_of(const ledger_invoice_invoice_read_row *row);
farm_ledger_invoice_line_row ledger_invoice_line_of(const ledger_invoice_line_read_row *row);

#endif
