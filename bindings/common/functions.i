/* The functions themselves, in the order of the headers. Only in session.h may a key be nothing. */
%include <farmcore/base.h>
%apply const char *nullable { const char *key };
%include <farmcore/session.h>
%clear const char *key;
void interrupt_session(farm_session *running);
%include <farmcore/pool.h>
%include <farmcore/rate.h>
%include <farmcore/rate_local.h>
%include <farmcore/idempotency.h>
%apply const char *nullable { const char *after_subject };
%include <farmcore/roles.h>
%include <farmcore/breaker.h>
%include <farmcore/money.h>
%include <farmcore/redact.h>
%include <farmcore/ledger.h>
%include <farmcore/ledger_read.h>
%include <farmcore/ledger_audit.h>
%include <farmcore/ledger_export.h>
%include <farmcore/ledger_group.h>
%include <farmcore/ledger_import.h>
%include <farmcore/ledger_owner.h>
%apply const farm_id *id { const farm_id *run_id };
%include <farmcore/ledger_invoice.h>
%include <farmcore/ledger_payout.h>
%include <farmcore/ledger_program.h>
%include <farmcore/ledger_seal.h>
%include <farmcore/ledger_total.h>
/* The versions say it themselves. */
%apply size_t *unsaid { size_t *out_count };
%include <farmcore/topic.h>
