/**
 * @file farmcore/ledger_import.h
 * A book's table (farmcore/ledger_export.h) read into another book: a piece at a time, each of them
 * one transaction, and every balance that it states is compared.
 */
#ifndef FARMCORE_LEDGER_IMPORT_H
#define FARMCORE_LEDGER_IMPORT_H

#include <farmcore/ledger.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FARM_LEDGER_LINE_MAX = 2048 /**< bytes of a line, its end included */
};

/**
 * Post the next lines of a table as imported transfers, with the times they have there. Only the
 * service may. The table is one of a whole book, in either form, read forwards and without a
 * filter; a byte order mark and lines that end in LF alone are fine. The book is there and so are
 * the accounts, opened before the first transfer (FARM_LEDGER_ACCOUNT_IMPORTED).
 *
 * Everything that moved or held money does so again, and so the balances are the same, or the piece
 * is refused: each line states what both accounts have after it. What is not in the table or not to
 * be repeated is left out: a hold has no time out any more, and one that had expired is voided, by
 * an id that is made of the hold's; items are not linked, and amounts that were balanced are as
 * they were found.
 *
 * A line that cannot be read or is refused leaves nothing of its piece; the error names it. A
 * repeat of a piece that was imported, with the same line_count, changes nothing.
 *
 * @param book the book, whose asset and scale are those of the table.
 * @param data the table from where the last piece ended. A line counts once its end is there.
 * @param data_size bytes, up to INT32_MAX.
 * @param line_count how many lines were read before: 0 at the beginning of the table, to INT32_MAX.
 * @param out_line_count receives how many have been, with this piece's.
 * @param out_used receives how many bytes were read: whole lines, of FARM_LEDGER_BATCH_MAX
 *     transfers at the most. 0: there is no whole line.
 * @return FARM_OK
 * @return FARM_ENOTFOUND there is no such book.
 * @return FARM_EREFUSED a transfer of it was refused, FARM_LEDGER_REASON_REFUSED, or a balance is
 *     another, FARM_LEDGER_REASON_BALANCE.
 * @return FARM_EINVAL a line cannot be read.
 * @return FARM_EDENIED
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNCERTAIN
 * @return FARM_EUNSUPPORTED
 * @return FARM_EREADONLY
 * @return FARM_EFULL
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_ledger_import_next(farm_session *session, int64_t book, const void *data,
                                             size_t data_size, int64_t line_count,
                                             int64_t *out_line_count, size_t *out_used);

#ifdef __cplusplus
}
#endif
#endif
