/* What a module registers: its statements, and by their names its checks and its housekeeping. The
 * tables are generated (docs/sql.md); the list of modules is what the build chose. */
#ifndef STORE_MODULE_H
#define STORE_MODULE_H

#include <farmcore/backend.h>

/* What a failure of a class means for one statement. */
typedef struct store_error_rule {
    uint32_t statement; /* its number among all */
    int32_t kind;       /* FARM_FAULT_… */
    farm_status status;
    int32_t reason;
} store_error_rule;

enum { STORE_DIALECT_SQLITE, STORE_DIALECT_POSTGRES, STORE_DIALECT_COUNT };

/* Names of the dialects, in that order. */
extern const char *const store_dialects[STORE_DIALECT_COUNT];

/* One module's share of a build, generated into x_sql.c. In texts of Postgres "{schema}" stands
 * where the schema's name goes. */
typedef struct store_module {
    const char *name;
    uint32_t first; /* number of its first statement */
    uint32_t count;
    const farm_statement *statements[STORE_DIALECT_COUNT];
    const store_error_rule *rules;
    size_t rule_count;
    const uint32_t *checks; /* numbers of its check_… statements */
    size_t check_count;
    const uint32_t *maintains; /* numbers of its maintain_… statements */
    size_t maintain_count;
} store_module;

/* All modules of the build, in the order of their numbers; generated into store_modules.c. */
extern const store_module *const store_modules[];
extern const size_t store_module_count;

#endif
