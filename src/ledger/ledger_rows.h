/* Between the statements' rows and what the rules and the callers know: ids in and out, lists, rows
 * that arrive one by one. */
#ifndef LEDGER_ROWS_H
#define LEDGER_ROWS_H

#include "base/id_map.h"
#include "ledger_sql.h"
#include "store/run.h"
#include <farmcore/ledger.h>

/* An array that grows in the session's arena. */
typedef struct ledger_rows {
    arena *memory;
    size_t item_size;
    void *items;
    size_t count;
    size_t capacity;
    int32_t has_failed; /* there was no memory for a row */
} ledger_rows;

/* One more, zeroed; NULL: there is no memory. */
void *ledger_rows_add(ledger_rows *self);

/* Ids for IN (…), each once. */
typedef struct ledger_ids {
    farm_value *values;
    size_t count;
    id_map known;
} ledger_ids;

/* Room for count ids; 0: there is no memory. */
int32_t ledger_ids_init(ledger_ids *self, farm_session *session, size_t count);
/* Zeros are no id, and not added. */
void ledger_ids_add(ledger_ids *self, const farm_id *id);
value_list ledger_ids_list(const ledger_ids *self);

/* A map with room for count ids; 0: there is no memory. */
int32_t ledger_map_init(id_map *map, farm_session *session, size_t count);

farm_id ledger_id_of(value_blob blob);
/* Zeros are NULL. */
value_blob ledger_blob_or_null(const farm_id *id);
/* Arrays of a caller's structs, an item and a result each. */
farm_status ledger_check_arrays(farm_session *session, const void *items, const void *results,
                                size_t count);
/* The same, and that he is the service. */
farm_status ledger_check_batch(farm_session *session, const void *items, const void *results,
                               size_t count);
/* A moment with which a quarter of an hour begins. */
farm_status ledger_check_quarter(farm_session *session, const char *name, int64_t value_us);
/* Copy the items into ours, each of so many bytes. */
farm_status ledger_copy_items(farm_session *session, const void *items, size_t count, size_t size,
                              void *out);
/* 0 to LEDGER_WRITER_MAX, at random. */
int64_t ledger_draw_writer(farm_session *session);
/* Rows as the caller gets them: an account as it was opened, and with CLOSED
 * and its credit limit as they are now. */
farm_ledger_account ledger_account_of(const ledger_account_read_row *row);
farm_ledger_account ledger_account_now(const ledger_account_read_row *row);
farm_ledger_event ledger_event_of(const ledger_event_read_row *row);

/* What a book's amounts are amounts of. */
typedef struct ledger_unit {
    char asset[FARM_LEDGER_ASSET_MAX + 1];
    int32_t scale;
} ledger_unit;

/* FARM_ENOTFOUND: there is no such book. */
farm_status ledger_find_unit(farm_session *session, int64_t book, ledger_unit *out);

farm_status ledger_fail_memory(farm_session *session, size_t count);

#endif
