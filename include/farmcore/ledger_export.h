/**
 * @file farmcore/ledger_export.h
 * The ledger as text: a table for spreadsheets, and a journal that other programs can check. A
 * piece at a time, into the caller's memory, from wherever the last one ended.
 */
#ifndef FARMCORE_LEDGER_EXPORT_H
#define FARMCORE_LEDGER_EXPORT_H

#include <farmcore/ledger_read.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FARM_LEDGER_EXPORT_SIZE_MIN = 4096 /**< bytes of a piece, at the least */
};

/** What is written. */
enum {
    /** A table as RFC 4180 has it: UTF-8, CR LF, a first line of names. Times are RFC 3339 in UTC,
     *  amounts have the decimal places of the book, ids begin with `tr_`, `ac_` or `ud_`, so that
     *  no program takes them for numbers. Of an account the last columns are change, balance
     *  (credits less debits, posted) and pending, likewise; of a book they are balance and pending
     *  of both accounts. */
    FARM_LEDGER_FORMAT_CSV = 0,
    /** The same, without the `'` in front of a text that a spreadsheet would take for a formula. */
    FARM_LEDGER_FORMAT_CSV_RAW = 1,
    /** A journal for hledger: the transfers that moved money, debits positive, and after each what
     *  both accounts had, for `hledger check`. Of a whole book, from its beginning. */
    FARM_LEDGER_FORMAT_HLEDGER = 2,
    /** A journal for Beancount: the same transfers, and behind them what every account of the book
     *  had at to_ns, to the last decimal place, for `bean-check`. Accounts are named
     *  `Assets:Ac-` and their id, so that debits are positive. Of a whole book, from its beginning;
     *  its asset has 2 characters at least, begins with a capital letter, ends with one or with a
     *  digit, and has between them nothing but those and `'._-`; and it is not NULL, TRUE or
     *  FALSE. */
    FARM_LEDGER_FORMAT_BEANCOUNT = 3
};

/**
 * Write the next piece of what a query asks for. Only the service may. A piece is of whole lines;
 * with the query's cursor_ns at 0 it begins with what a file begins with, and an export is all
 * pieces, one behind the other, until *out_cursor_ns is 0. It needs no more memory than a page of
 * the query, however much there is, and goes on in another process, too.
 *
 * For Beancount the cursor is a timestamp while transfers are written, and negative while balances
 * are: -1 before the first account, and then -1 less the time at which the last one was opened.
 *
 * @param query which transfers; it names the book.
 * @param format FARM_LEDGER_FORMAT_… ; for a journal the query has nothing but the book, to_ns and
 *     cursor_ns. For Beancount to_ns has to be there, a time before which nothing is committed any
 *     more: what comes in between the first piece and the last would be in the balances alone.
 * @param data receives the piece, without a NUL; it may be empty.
 * @param data_size FARM_LEDGER_EXPORT_SIZE_MIN to INT32_MAX.
 * @param out_size receives how many bytes the piece has.
 * @param out_cursor_ns receives where to go on; 0: that was all.
 * @return FARM_OK
 * @return FARM_ENOTFOUND there is no such book.
 * @return FARM_EINVAL also when the journal cannot name the book's asset.
 * @return FARM_EDENIED
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_ledger_export_next(farm_session *session, const farm_ledger_query *query,
                                             int32_t format, void *data, size_t data_size,
                                             size_t *out_size, int64_t *out_cursor_ns);

#ifdef __cplusplus
}
#endif
#endif
