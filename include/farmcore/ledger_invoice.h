/**
 * @file farmcore/ledger_invoice.h
 * Invoices of transfers, numbered without gaps, and credit notes that correct them.
 *
 * - An **invoice** is an account's: each line is of a transfer that debits or credits the account,
 *   and no transfer is invoiced for more than it moved, whoever issues what at once.
 * - Its **number** is the next of its series: 1, 2, 3 and so on in each series of a book, in the
 *   order in which the invoices were committed. What is refused or rolled back takes no number.
 * - An invoice and its lines are never changed. What is wrong is given back by a **credit note**,
 *   an invoice with corrects_id, whose lines are of lines of that invoice and never come to more
 *   than those. What a credit note gave back may be invoiced again.
 *
 * The database itself keeps all of this, whoever writes, and farm_verify() reckons it again. Shares
 * of tax are the caller's: farmcore/money.h splits without losing anything.
 */
#ifndef FARMCORE_LEDGER_INVOICE_H
#define FARMCORE_LEDGER_INVOICE_H

#include <farmcore/ledger.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FARM_LEDGER_SERIES_MAX = 63,    /**< bytes of a series' name */
    FARM_LEDGER_LINE_TEXT_MAX = 255 /**< bytes of a line's text */
};

/** What an item of farm_ledger_issue_invoices() is told: name, number, what it says. In the order
 *  of the checks: the first that applies is the answer. */
#define FARM_LEDGER_INVOICE_STATUSES(X)                                                            \
    X(CREATED, 0, "issued")                                                                        \
    X(ID_MUST_NOT_BE_ZERO, 1, "the id is zero")                                                    \
    X(ID_MUST_NOT_BE_INT_MAX, 2, "the id is all ones")                                             \
    X(BOOK_OUT_OF_RANGE, 3, "the book is less than 1")                                             \
    X(SERIES_NOT_SOUND, 4, "the series is missing, too long, not UTF-8 or not visible")            \
    X(ISSUED_OUT_OF_RANGE, 5, "issued_us is no time")                                              \
    X(ACCOUNT_ID_MUST_NOT_BE_ZERO, 6, "an invoice has an account")                                 \
    X(CORRECTS_ID_MUST_BE_DIFFERENT, 7, "corrects_id is its own id")                               \
    X(LINES_MISSING, 8, "it has no lines")                                                         \
    X(LINE_TRANSFER_ID_MUST_NOT_BE_ZERO, 9, "an invoice's line is of a transfer")                  \
    X(LINE_TRANSFER_ID_MUST_BE_ZERO, 10, "a credit note's line is of a line")                      \
    X(LINE_NUMBER_OUT_OF_RANGE, 11, "corrected_line is less than 1, or of an invoice and not 0")   \
    X(LINE_AMOUNT_OUT_OF_RANGE, 12, "the amount is negative")                                      \
    X(LINE_TAX_OUT_OF_RANGE, 13, "the tax is negative, or more than the amount")                   \
    X(LINE_TAX_RATE_OUT_OF_RANGE, 14, "the rate of the tax is negative")                           \
    X(LINE_TEXT_NOT_SOUND, 15, "the text is too long or not UTF-8")                                \
    X(EXISTS_WITH_DIFFERENT_CORRECTS_ID, 16, "it is there and corrects something else")            \
    X(EXISTS_WITH_DIFFERENT_BOOK, 17, "it is there in another book")                               \
    X(EXISTS_WITH_DIFFERENT_SERIES, 18, "it is there in another series")                           \
    X(EXISTS_WITH_DIFFERENT_ACCOUNT_ID, 19, "it is there of another account")                      \
    X(EXISTS_WITH_DIFFERENT_ISSUED, 20, "it is there of another time")                             \
    X(EXISTS_WITH_DIFFERENT_USER_DATA_128, 21, "it is there with other user data")                 \
    X(EXISTS_WITH_DIFFERENT_LINES, 22, "it is there with other lines")                             \
    X(EXISTS, 23, "it is there, and the same")                                                     \
    X(ACCOUNT_NOT_FOUND, 24, "there is no such account")                                           \
    X(ACCOUNT_HAS_DIFFERENT_BOOK, 25, "the account is of another book")                            \
    X(CORRECTED_INVOICE_NOT_FOUND, 26, "there is no such invoice to correct")                      \
    X(CORRECTED_INVOICE_IS_CREDIT_NOTE, 27, "a credit note is not corrected")                      \
    X(CORRECTED_INVOICE_HAS_DIFFERENT_BOOK, 28, "the invoice to correct is of another book")       \
    X(CORRECTED_INVOICE_HAS_DIFFERENT_ACCOUNT_ID, 29, "the invoice is of another account")         \
    X(TRANSFER_NOT_FOUND, 30, "there is no such transfer")                                         \
    X(TRANSFER_HAS_DIFFERENT_BOOK, 31, "the transfer is of another book")                          \
    X(TRANSFER_NOT_INVOICEABLE, 32, "a hold, its void or a reversal is not invoiced")              \
    X(TRANSFER_HAS_DIFFERENT_ACCOUNTS, 33, "the transfer is of other accounts")                    \
    X(TRANSFER_ALREADY_INVOICED, 34, "nothing of the transfer is left to be invoiced")             \
    X(EXCEEDS_TRANSFER_AMOUNT, 35, "more than is left of the transfer")                            \
    X(CORRECTED_LINE_NOT_FOUND, 36, "the invoice has no such line")                                \
    X(CORRECTED_LINE_HAS_DIFFERENT_TAX_RATE, 37, "the line has another rate of tax")               \
    X(CORRECTED_LINE_ALREADY_CREDITED, 38, "nothing of the line is left")                          \
    X(EXCEEDS_CORRECTED_LINE_AMOUNT, 39, "more than is left of the line")                          \
    X(EXCEEDS_CORRECTED_LINE_TAX, 40, "more tax, or more beside the tax, than is left of it")      \
    X(OVERFLOWS_AMOUNT, 41, "the sum of the lines would overflow")

/** The statuses as numbers. */
enum {
#define FARM_LEDGER_ENUM(name, number, text) FARM_LEDGER_INVOICE_##name = number,
    FARM_LEDGER_INVOICE_STATUSES(FARM_LEDGER_ENUM)
#undef FARM_LEDGER_ENUM
};

/** An invoice to issue, or a credit note: it has a corrects_id. */
typedef struct farm_ledger_invoice {
    uint32_t struct_size;
    uint32_t line_count; /**< so many of the lines are its; 1 and up */
    farm_id id;          /**< neither zeros nor all ones; of all books */
    farm_id account_id;  /**< whose transfers are invoiced. A credit note: zeros, or the account of
                                the invoice */
    farm_id corrects_id; /**< a credit note: the invoice */
    farm_id user_data_128; /**< the application's */
    int64_t book;
    int64_t issued_us;  /**< the date on it; 0: now */
    const char *series; /**< in the book, 1 to FARM_LEDGER_SERIES_MAX bytes of UTF-8, no control
                             characters; a credit note may be of a series of its own */
} farm_ledger_invoice;

/** A line to issue. */
typedef struct farm_ledger_invoice_line {
    uint32_t struct_size;
    int32_t tax_rate_ppm;   /**< millionths, 190000 is 19 %; 0 and up. It is kept and not reckoned
                                 with. A credit note: 0, or that of the line */
    farm_id transfer_id;    /**< an invoice: the transfer. A credit note: zeros */
    int64_t corrected_line; /**< a credit note: the number of the invoice's line, from 1 on. An
                                 invoice: 0 */
    int64_t amount_minor;   /**< with the tax; 0: all that is left of the transfer, or of the line
                                 and of its tax */
    int64_t tax_minor;      /**< of the amount; a credit note with amount_minor 0: 0 */
    const char *text;       /**< up to FARM_LEDGER_LINE_TEXT_MAX bytes of UTF-8; NULL is empty */
} farm_ledger_invoice_line;

/** What became of an invoice. */
typedef struct farm_ledger_invoice_result {
    uint32_t struct_size;
    int32_t status;       /**< FARM_LEDGER_INVOICE_CREATED … */
    int64_t number;       /**< CREATED, EXISTS: its number, and so the next three; else 0 */
    int64_t issued_us;    /**< the date on it */
    int64_t amount_minor; /**< the sum of its lines */
    int64_t tax_minor;    /**< the tax in it */
    int64_t refused_line; /**< refused for one of its lines: which, from 1 on; else 0 */
} farm_ledger_invoice_result;

/** An invoice as it is stored. */
typedef struct farm_ledger_invoice_row {
    uint32_t struct_size;
    uint32_t line_count;
    farm_id id;
    farm_id account_id;
    farm_id corrects_id; /**< a credit note: the invoice */
    farm_id user_data_128;
    int64_t book;
    int64_t number;
    int64_t issued_us;
    int64_t created_us; /**< when it was written */
    int64_t amount_minor;
    int64_t tax_minor;
    int64_t credited_minor; /**< how much credit notes gave back of it; of a credit note 0 */
    char series[FARM_LEDGER_SERIES_MAX + 1];
} farm_ledger_invoice_row;

/** A line as it is stored. */
typedef struct farm_ledger_invoice_line_row {
    uint32_t struct_size;
    int32_t tax_rate_ppm;
    farm_id transfer_id; /**< a credit note: that of the line which it corrects */
    int64_t line_number; /**< in its invoice, from 1 on */
    int64_t corrected_line;
    int64_t amount_minor;
    int64_t tax_minor;
    int64_t credited_minor; /**< how much credit notes gave back of it, and of its tax */
    int64_t credited_tax_minor;
    char text[FARM_LEDGER_LINE_TEXT_MAX + 1];
} farm_ledger_invoice_line_row;

/** "CREATED" … of FARM_LEDGER_INVOICE_STATUSES. @return static text, "UNKNOWN"
 *  otherwise. Threads: any. Since 0.1.0. */
FARM_API const char *farm_ledger_invoice_status_name(int32_t code);

/** What it says, as one English line. @return static text. Threads: any. Since 0.1.0. */
FARM_API const char *farm_ledger_invoice_status_text(int32_t code);

/**
 * Issue invoices and credit notes, in the order of the items; each sees what those before it did.
 * Only the service may. Each has its own result; the call is FARM_OK whatever they are, and an item
 * that is refused keeps no other from being issued and takes no number. One transaction, two round
 * trips; who issues in the same series, or of the same transfer, waits until it has ended.
 *
 * Repeating it with the same ids changes nothing: what was issued answers EXISTS with its number
 * and its time, or EXISTS_WITH_DIFFERENT_… for the first field that differs; everything else is
 * decided again. An amount of 0 is not compared.
 *
 * A line is of a SINGLE or a POSTED transfer. What was reversed of it is not taken off, as the
 * reversal may come later: give the amount, and credit what was reversed.
 *
 * @param lines those of all items, in the order of the items: the first has its line_count first.
 * @param line_count 1 to FARM_LEDGER_BATCH_MAX, the sum of the items' line_count.
 * @param items invoices. @param count 1 to FARM_LEDGER_BATCH_MAX. @param results one each.
 * @return FARM_OK
 * @return FARM_EINVAL
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
FARM_API farm_status farm_ledger_issue_invoices(farm_session *session,
                                                const farm_ledger_invoice_line *lines,
                                                size_t line_count, const farm_ledger_invoice *items,
                                                size_t count, farm_ledger_invoice_result *results);

/**
 * Look invoices and credit notes up by their ids. Only the service may.
 *
 * @param items ids. @param count 1 to FARM_LEDGER_BATCH_MAX. @param results one each; an invoice
 *     that is not there is all zeros but for struct_size.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_EDENIED
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_ledger_find_invoices(farm_session *session, const farm_id *items,
                                               size_t count, farm_ledger_invoice_row *results);

/**
 * Find the invoices of a series behind a number, in the order of their numbers. Only the service
 * may.
 *
 * @param book the book. @param series the series; of one that is not there there are no invoices.
 * @param after_number 0, or the number of the last invoice of the page before this one.
 * @param rows receives the invoices. @param capacity 1 to FARM_LEDGER_BATCH_MAX.
 * @param out_count receives how many; fewer than capacity: there are no more.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_EDENIED
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_ledger_list_invoices(farm_session *session, int64_t book,
                                               const char *series, int64_t after_number,
                                               farm_ledger_invoice_row *rows, size_t capacity,
                                               size_t *out_count);

/**
 * Find the lines of an invoice behind one of them, in their order. Only the service may.
 *
 * @param id the invoice; of one that is not there there are no lines.
 * @param after_line 0, or the number of the last line of the page before this one.
 * @param rows receives the lines. @param capacity 1 to FARM_LEDGER_BATCH_MAX.
 * @param out_count receives how many; fewer than capacity: there are no more.
 * @return FARM_OK
 * @return FARM_EINVAL
 * @return FARM_EDENIED
 * @return FARM_EAGAIN
 * @return FARM_ETIMEOUT
 * @return FARM_EUNAVAILABLE
 * @return FARM_EUNSUPPORTED
 * @return FARM_ENOMEM
 * Threads: the session's. Since 0.1.0.
 */
FARM_API farm_status farm_ledger_list_invoice_lines(farm_session *session, const farm_id *id,
                                                    int64_t after_line,
                                                    farm_ledger_invoice_line_row *rows,
                                                    size_t capacity, size_t *out_count);

#ifdef __cplusplus
}
#endif
#endif
