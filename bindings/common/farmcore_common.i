/* The interface file's part that no language changes: which headers, under which names, and what
 * the glue does itself. tests/bindings/exceptions.txt says why for each function left out. */
%{
#include <farmcore/base.h>
#include <farmcore/breaker.h>
#include <farmcore/idempotency.h>
#include <farmcore/ledger.h>
#include <farmcore/ledger_audit.h>
#include <farmcore/ledger_export.h>
#include <farmcore/ledger_import.h>
#include <farmcore/ledger_read.h>
#include <farmcore/money.h>
#include <farmcore/pool.h>
#include <farmcore/rate.h>
#include <farmcore/rate_local.h>
#include <farmcore/roles.h>
#include <farmcore/session.h>
#include <farmcore/topic.h>
%}

%rename("%(regex:/^farm_(.*)$/\\1/)s", %$isfunction) "";
%rename("%(regex:/^FARM_(.*)$/\\1/)s", %$isenumitem) "";
%rename("%(regex:/^FARM_(.*)$/\\1/)s", %$isconstant) "";

/* Memory, and the end of handles: boxes see to it. */
%ignore farm_allocator_set;
%ignore farm_allocate;
%ignore farm_reallocate;
%ignore farm_free;
%ignore farm_pool_free;
%ignore farm_pool_release;
%ignore farm_idempotency_free;
%ignore farm_breakers_free;
%ignore farm_rate_local_free;
/* Sessions come from pools. */
%ignore farm_session_new;
%ignore farm_session_open;
%ignore farm_session_close;
%ignore farm_session_free;
/* Errors become exceptions, rows become arrays. */
%ignore farm_session_error;
%ignore farm_session_error_text;
%ignore farm_session_error_reason;
%ignore farm_rows_count;
%ignore farm_rows_column_count;
%ignore farm_rows_value;
%ignore farm_rows_free;

/* Structs are records; see records.def. */
%ignore farm_id;
%ignore farm_value;
%ignore farm_error;
%ignore farm_allocator;
%ignore farm_clock;
%ignore farm_entropy;
%ignore farm_session_options;
%ignore farm_pool_options;
%ignore farm_maintenance;
%ignore farm_rate_limit;
%ignore farm_rate_override;
%ignore farm_rate_request;
%ignore farm_rate_state;
%ignore farm_rate_decision;
%ignore farm_rate_local_options;
%ignore farm_idempotency_options;
%ignore farm_role_question;
%ignore farm_role_grant_row;
%ignore farm_breaker_options;
%ignore farm_breakers_options;
%ignore farm_breaker_permit;
%ignore farm_breaker_state;
%ignore farm_breaker_event;
%ignore farm_topic;
%ignore farm_money_weight;
%ignore farm_redact_options;
%ignore farm_ledger_book;
%ignore farm_ledger_balances;
%ignore farm_ledger_account;
%ignore farm_ledger_transfer;
%ignore farm_ledger_account_result;
%ignore farm_ledger_transfer_result;
%ignore farm_ledger_event;
%ignore farm_ledger_difference;
%ignore farm_ledger_total_difference;
%ignore farm_ledger_seal;
%ignore farm_ledger_owner;
%ignore farm_ledger_ownership;
%ignore farm_ledger_program;
%ignore farm_ledger_program_row;
%ignore farm_ledger_nomination;
%ignore farm_ledger_nomination_result;
%ignore farm_ledger_withdrawal;
%ignore farm_ledger_nomination_row;
%ignore farm_ledger_nominated;
%ignore farm_ledger_nomination_query;
%ignore farm_ledger_payout_rules;
%ignore farm_ledger_payout_run;
%ignore farm_ledger_payee;
%ignore farm_ledger_payout_outcome;
%ignore farm_ledger_payout;
%ignore farm_ledger_group;
%ignore farm_ledger_member;
%ignore farm_ledger_group_total;
%ignore farm_ledger_invoice;
%ignore farm_ledger_invoice_line;
%ignore farm_ledger_invoice_result;
%ignore farm_ledger_invoice_row;
%ignore farm_ledger_invoice_line_row;
%ignore farm_ledger_period;
%ignore farm_ledger_total;
%ignore farm_ledger_query;

/* The one call that may come while another runs on the session. */
%ignore farm_session_interrupt;
%rename(session_interrupt) interrupt_session;
%{
static void interrupt_session(farm_session *running) { farm_session_interrupt(running); }
%}
