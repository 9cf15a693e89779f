/**
 * @file farmcore/farmcore.h
 * Everything for an application. Backend authors include farmcore/backend.h beside it.
 */
#ifndef FARMCORE_FARMCORE_H
#define FARMCORE_FARMCORE_H

#include <farmcore/base.h>
#include <farmcore/session.h>
#include <farmcore/pool.h>
#include <farmcore/queue.h>
#include <farmcore/topic.h>
#include <farmcore/rate.h>
#include <farmcore/rate_local.h>
#include <farmcore/idempotency.h>
#include <farmcore/money.h>
#include <farmcore/redact.h>
#include <farmcore/ledger.h>
#include <farmcore/ledger_audit.h>
#include <farmcore/ledger_read.h>
#include <farmcore/ledger_export.h>
#include <farmcore/ledger_group.h>
#include <farmcore/ledger_import.h>
#include <farmcore/ledger_owner.h>
#include <farmcore/ledger_invoice.h>
#include <farmcore/ledger_payout.h>
#include <farmcore/ledger_program.h>
#include <farmcore/ledger_seal.h>
#include <farmcore/ledger_total.h>
#include <farmcore/roles.h>
#include <farmcore/breaker.h>

#endif
