/* Memory that runs out: the nth allocation fails, of the library, of SQLite or of cJSON, on
 * whatever thread. */
#ifndef FAULT_MEMORY_H
#define FAULT_MEMORY_H

enum { FAULT_MEMORY_LIBRARY, FAULT_MEMORY_SQLITE, FAULT_MEMORY_CJSON, FAULT_MEMORY_OWNERS };

/* Before the library or SQLite is used for anything; 0 when that failed. */
int fault_memory_register(void);
/* Let the owner's allocation fail: 0 is the next, below 0 none. Later ones succeed again. */
void fault_memory_fail(int owner, long nth);
/* Whether the last one that was to fail did. */
int fault_memory_has_fired(void);
const char *fault_memory_name(int owner);

#endif
