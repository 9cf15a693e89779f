/* Every statement in every dialect against a real schema: it prepares, takes and returns what its
 * header says, and scans no table unless it says why. What the generator refuses without a database
 * is tested in test_statements.py.
 *
 * FARM_SCHEMA_DIR: the folder of the migrations, src/schema when not set.
 * FARM_STATEMENT_PLANS: what `statements.py --plans` wrote; else it is sought in FARM_GENERATED.
 * FARM_TEST_POSTGRES_OWNER, else FARM_TEST_POSTGRES: who may create a schema; it is rolled back. */
#include "store/module.h"
#include <criterion/criterion.h>
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#ifndef FARM_SCHEMA_DIR
#define FARM_SCHEMA_DIR "src/schema"
#endif

enum { PATH_SIZE = 4096 };

/* ------------------------------------------------------------------ files */

static char *read_text(const char *path) {
    FILE *file = fopen(path, "rb");
    cr_assert(file != NULL, "%s cannot be opened", path);
    cr_assert(fseek(file, 0, SEEK_END) == 0);
    long size = ftell(file);
    cr_assert(size >= 0);
    rewind(file);
    char *text = calloc((size_t)size + 1, 1);
    cr_assert(text != NULL && fread(text, 1, (size_t)size, file) == (size_t)size);
    fclose(file);
    return text;
}

static int has_ending(const char *text, const char *ending) {
    size_t size = strlen(text);
    size_t ending_size = strlen(ending);
    return size >= ending_size && strcmp(text + size - ending_size, ending) == 0;
}

static int is_migration(const struct dirent *entry) {
    return isdigit((unsigned char)entry->d_name[0]) && has_ending(entry->d_name, ".sql");
}

/* Hand each migration of the dialect to `apply`, in order. */
static void apply_migrations(const char *dialect, void (*apply)(void *, const char *, const char *),
                             void *context) {
    const char *named = getenv("FARM_SCHEMA_DIR");
    const char *folder = named != NULL ? named : FARM_SCHEMA_DIR;
    char ending[32];
    snprintf(ending, sizeof ending, ".%s.sql", dialect);
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_migration, alphasort);
    int applied = 0;
    for (int i = 0; i < count; i++) {
        if (has_ending(entries[i]->d_name, ending)) {
            char path[PATH_SIZE];
            snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
            char *text = read_text(path);
            apply(context, path, text);
            free(text);
            applied++;
        }
        free(entries[i]);
    }
    free(entries);
    cr_assert(applied > 0, "%s holds no migration %s", folder, ending);
}

static char *read_plans(void) {
    const char *named = getenv("FARM_STATEMENT_PLANS");
    if (named != NULL) return read_text(named);
    const char *folder = getenv("FARM_GENERATED");
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/statement_plans.txt", folder != NULL ? folder : ".");
    return read_text(path);
}

/* Whether the plans, a line each of dialect, statement and reason, name the statement. */
static int may_scan(const char *plans, const char *dialect, const char *name) {
    char begin[256];
    int size = snprintf(begin, sizeof begin, "%s\t%s\t", dialect, name);
    for (const char *line = plans; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, begin, (size_t)size) == 0) return 1;
    }
    return 0;
}

/* ------------------------------------------------------------------ all statements */

typedef void (*statement_function)(void *context, const farm_statement *statement);

static void for_each_statement(int dialect, statement_function function, void *context) {
    cr_assert(store_module_count > 0);
    for (size_t i = 0; i < store_module_count; i++)
        for (uint32_t j = 0; j < store_modules[i]->count; j++)
            function(context, &store_modules[i]->statements[dialect][j]);
}

static int are_of_module(const store_module *module, const uint32_t *numbers, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (numbers[i] < module->first || numbers[i] >= module->first + module->count) return 0;
    return 1;
}

Test(statements, numbers_run_through_all_modules) {
    uint32_t number = 0;

    for (size_t i = 0; i < store_module_count; i++) {
        const store_module *module = store_modules[i];
        cr_expect(module->first == number, "%s begins with %u", module->name, module->first);
        cr_expect(are_of_module(module, module->checks, module->check_count));
        cr_expect(are_of_module(module, module->maintains, module->maintain_count));
        for (size_t j = 0; j < module->rule_count; j++) {
            cr_expect(are_of_module(module, &module->rules[j].statement, 1));
            cr_expect(j == 0 || module->rules[j - 1].statement <= module->rules[j].statement);
        }
        for (uint32_t j = 0; j < module->count; j++, number++)
            for (int dialect = 0; dialect < STORE_DIALECT_COUNT; dialect++)
                cr_expect(module->statements[dialect][j].number == number, "%s",
                          module->statements[dialect][j].name);
    }
}

/* ------------------------------------------------------------------ SQLite */

#ifdef FARM_WITH_SQLITE
#include <sqlite3.h>

int sqlite_list_register(sqlite3 *handle); /* backends/sqlite/sqlite_list.c */

typedef struct sqlite_run {
    sqlite3 *handle;
    char *plans;
} sqlite_run;

static void apply_sqlite(void *context, const char *path, const char *text) {
    sqlite3 *handle = context;
    cr_assert(sqlite3_exec(handle, text, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", path,
              sqlite3_errmsg(handle));
}

static int is_sqlite_table(sqlite3 *handle, const char *name, size_t size) {
    sqlite3_stmt *query = NULL;
    cr_assert(sqlite3_prepare_v2(handle,
                                 "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1 "
                                 "COLLATE NOCASE",
                                 -1, &query, NULL) == SQLITE_OK);
    sqlite3_bind_text(query, 1, name, (int)size, SQLITE_STATIC);
    int found = sqlite3_step(query) == SQLITE_ROW;
    sqlite3_finalize(query);
    return found;
}

static int is_word(const char *text, size_t size, const char *word, size_t word_size) {
    return size == word_size && strncasecmp(text, word, size) == 0;
}

static size_t word_size_at(const char *text) {
    size_t size = 0;
    while (isalnum((unsigned char)text[size]) || text[size] == '_') size++;
    return size;
}

/* The plan names a table by its alias where it has one: whether `TABLE alias` or `TABLE AS alias`
 * is in the text. */
static int is_alias_of_table(sqlite3 *handle, const char *text, const char *name, size_t size) {
    const char *before = NULL; /* the word that stands before this one, AS left out */
    size_t before_size = 0;
    while (*text != '\0') {
        size_t word_size = word_size_at(text);
        if (word_size == 0) {
            if (!isspace((unsigned char)*text)) before = NULL;
            text++;
            continue;
        }
        if (before != NULL && is_word(text, word_size, name, size) &&
            is_sqlite_table(handle, before, before_size))
            return 1;
        if (!is_word(text, word_size, "AS", 2)) {
            before = text;
            before_size = word_size;
        }
        text += word_size;
    }
    return 0;
}

/* Those that look at nothing but the last of a book, by the key's order. */
static const char *const last_of_book[] = {"ledger.account_lock", "ledger.account_open",
                                           "ledger.book_read", "ledger_seal.seal_last",
                                           "ledger_seal.seal_lock"};

/* A book is most of a table; the planner takes it for a few rows. */
static int searches_book(const char *detail) {
    const char *terms = strrchr(detail, '(');
    return terms != NULL && strcmp(terms, "(book=?)") == 0;
}

static int may_search_book(const char *name) {
    for (size_t i = 0; i < sizeof last_of_book / sizeof *last_of_book; i++)
        if (strcmp(last_of_book[i], name) == 0) return 1;
    return 0;
}

/* Whether a line of a query plan reads a whole table, or makes an index of one just for this. */
static int scans_table(sqlite3 *handle, const char *text, const char *detail) {
    const char *name = NULL;
    if (strncmp(detail, "SCAN ", 5) == 0) name = detail + 5;
    if (strncmp(detail, "SEARCH ", 7) == 0 && strstr(detail, " USING AUTOMATIC ") != NULL)
        name = detail + 7;
    if (name == NULL) return 0;
    size_t size = word_size_at(name);
    return is_sqlite_table(handle, name, size) || is_alias_of_table(handle, text, name, size);
}

static void check_sqlite_plan(sqlite3 *handle, const char *name, const char *text) {
    char *explaining = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", text);
    sqlite3_stmt *plan = NULL;
    cr_assert(explaining != NULL);
    cr_expect(sqlite3_prepare_v2(handle, explaining, -1, &plan, NULL) == SQLITE_OK, "%s: %s", name,
              sqlite3_errmsg(handle));
    while (sqlite3_step(plan) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(plan, 3);
        cr_expect(!scans_table(handle, text, detail), "%s on sqlite: %s, in: %s", name, detail,
                  text);
        cr_expect(!searches_book(detail) || may_search_book(name), "%s on sqlite: %s, in: %s", name,
                  detail, text);
    }
    sqlite3_finalize(plan);
    sqlite3_free(explaining);
}

/* Whether all of them have to be used: those of checks and housekeeping are given to them. */
static int chooses_parameters(const char *name) {
    const char *noun = strchr(name, '.') + 1;
    return strncmp(noun, "check_", 6) != 0 && strncmp(noun, "maintain_", 9) != 0;
}

static void check_on_sqlite(void *context, const farm_statement *statement) {
    sqlite_run *run = context;
    int used = 0;
    for (uint32_t i = 0; i < statement->step_count; i++) {
        const char *tail = NULL;
        sqlite3_stmt *step = NULL;
        int result = sqlite3_prepare_v2(run->handle, statement->steps[i], -1, &step, &tail);
        cr_expect(result == SQLITE_OK, "%s on sqlite: %s, in: %s", statement->name,
                  sqlite3_errmsg(run->handle), statement->steps[i]);
        if (result != SQLITE_OK) return;
        int count = sqlite3_bind_parameter_count(step);
        used = count > used ? count : used;
        cr_expect(*tail == '\0', "%s on sqlite: one step, two statements", statement->name);
        cr_expect(!(statement->flags & FARM_STATEMENT_READS) || sqlite3_stmt_readonly(step),
                  "%s on sqlite is flagged as reading, and writes", statement->name);
        cr_expect(i + 1 < statement->step_count ||
                      sqlite3_column_count(step) == (int)statement->column_count,
                  "%s on sqlite returns %d columns, not %u", statement->name,
                  sqlite3_column_count(step), statement->column_count);
        sqlite3_finalize(step);
        if (!may_scan(run->plans, "sqlite", statement->name))
            check_sqlite_plan(run->handle, statement->name, statement->steps[i]);
    }
    int is_exact = statement->step_count > 0 && chooses_parameters(statement->name);
    cr_expect(is_exact ? used == (int)statement->param_count : used <= (int)statement->param_count,
              "%s on sqlite takes %d parameters, not %u", statement->name, used,
              statement->param_count);
}

static void open_sqlite(sqlite_run *run) {
    run->plans = read_plans();
    cr_assert(sqlite3_open(":memory:", &run->handle) == SQLITE_OK);
    cr_assert(sqlite_list_register(run->handle) == SQLITE_OK);
    apply_migrations("sqlite", apply_sqlite, run->handle);
}

static void close_sqlite(sqlite_run *run) {
    cr_expect(sqlite3_close(run->handle) == SQLITE_OK);
    free(run->plans);
}

Test(statements, every_statement_is_what_it_says_on_sqlite) {
    sqlite_run run;
    open_sqlite(&run);

    for_each_statement(STORE_DIALECT_SQLITE, check_on_sqlite, &run);

    close_sqlite(&run);
}

/* What the test above goes by. */
Test(statements, a_scan_on_sqlite_is_seen_behind_an_alias_and_not_in_a_subquery) {
    sqlite_run run;
    open_sqlite(&run);

    cr_assert(sqlite3_exec(run.handle, "CREATE TABLE apple (a INTEGER PRIMARY KEY, b INTEGER)",
                           NULL, NULL, NULL) == SQLITE_OK);

    cr_expect(scans_table(run.handle, "SELECT b FROM apple", "SCAN apple"));
    cr_expect(scans_table(run.handle, "SELECT b FROM Apple AS red", "SCAN red USING INDEX i"));
    cr_expect(scans_table(run.handle, "SELECT b FROM x, apple red", "SCAN red"));
    cr_expect(scans_table(run.handle, "SELECT b FROM apple", "SEARCH apple USING AUTOMATIC INDEX"));
    cr_expect(!scans_table(run.handle, "SELECT b FROM apple", "SEARCH apple USING INDEX i (a=?)"));
    cr_expect(!scans_table(run.handle, "WITH red AS (VALUES (1)) SELECT * FROM red", "SCAN red"));
    cr_expect(!scans_table(run.handle, "SELECT 1", "SCAN CONSTANT ROW"));
    cr_expect(!scans_table(run.handle, "SELECT value FROM farm_list(?1)",
                           "SCAN farm_list VIRTUAL TABLE INDEX 1:"));
    close_sqlite(&run);
}
#endif

/* ------------------------------------------------------------------ Postgres */

#ifdef FARM_WITH_POSTGRES
#include <libpq-fe.h>

enum { PARAMETERS_MAX = 64 };

typedef struct postgres_run {
    PGconn *connection;
    char *plans;
    char schema[32];
} postgres_run;

/* A copy of the text with every {schema} replaced. */
static char *with_schema(const char *text, const char *schema) {
    static const char mark[] = "{schema}";
    size_t count = 0;
    for (const char *at = strstr(text, mark); at != NULL; at = strstr(at + 1, mark)) count++;
    char *result = calloc(strlen(text) + count * strlen(schema) + 1, 1);
    cr_assert(result != NULL);
    char *end = result;
    for (const char *at = strstr(text, mark); at != NULL; at = strstr(text, mark)) {
        memcpy(end, text, (size_t)(at - text));
        end += at - text;
        memcpy(end, schema, strlen(schema));
        end += strlen(schema);
        text = at + sizeof mark - 1;
    }
    memcpy(end, text, strlen(text));
    return result;
}

/* Run a text that has to succeed; whether its answer is 1. */
static int must_run(PGconn *connection, const char *text) {
    PGresult *result = PQexec(connection, text);
    ExecStatusType status = PQresultStatus(result);
    cr_assert(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "%s: %s", text,
              PQerrorMessage(connection));
    int is_one = PQntuples(result) == 1 && strcmp(PQgetvalue(result, 0, 0), "1") == 0;
    PQclear(result);
    return is_one;
}

static void apply_postgres(void *context, const char *path, const char *text) {
    postgres_run *run = context;
    char *script = with_schema(text, run->schema);
    PGresult *result = PQexec(run->connection, script);
    ExecStatusType status = PQresultStatus(result);
    cr_assert(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "%s: %s", path,
              PQerrorMessage(run->connection));
    PQclear(result);
    free(script);
}

/* The schema belongs to a role that row policies bind: what they add to a query is planned, too. */
static void open_postgres(postgres_run *run) {
    const char *owner = getenv("FARM_TEST_POSTGRES_OWNER");
    const char *uri = owner != NULL ? owner : getenv("FARM_TEST_POSTGRES");
    if (uri == NULL) cr_skip_test("FARM_TEST_POSTGRES is not set: nothing is tested on Postgres");
    run->plans = read_plans();
    run->connection = PQconnectdb(uri);
    cr_assert(PQstatus(run->connection) == CONNECTION_OK, "%s", PQerrorMessage(run->connection));
    snprintf(run->schema, sizeof run->schema, "farm_sql_%ld", (long)getpid());
    must_run(run->connection, "BEGIN");
    char text[256];
    if (must_run(run->connection,
                 "SELECT rolsuper::int FROM pg_roles WHERE rolname = current_user")) {
        snprintf(text, sizeof text,
                 "CREATE ROLE %s; CREATE SCHEMA %s AUTHORIZATION %s; SET LOCAL ROLE %s",
                 run->schema, run->schema, run->schema, run->schema);
    } else {
        snprintf(text, sizeof text, "CREATE SCHEMA %s", run->schema);
    }
    must_run(run->connection, text);
    /* A table that was not given its schema is not found. */
    must_run(run->connection, "SET LOCAL search_path = pg_catalog");
    must_run(run->connection, "SELECT set_config('farm.actor', 's', true)");
    apply_migrations("postgres", apply_postgres, run);
    must_run(run->connection,
             "SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan");
}

static void close_postgres(postgres_run *run) {
    must_run(run->connection, "ROLLBACK");
    PQfinish(run->connection);
    free(run->plans);
}

static Oid type_of(uint8_t type, int is_array) {
    static const Oid types[][2] = {
        [FARM_INTEGER] = {20, 1016}, [FARM_TEXT] = {25, 1009}, [FARM_BLOB] = {17, 1001}};
    return types[type & FARM_TYPE_MASK][is_array || (type & FARM_TYPE_LIST) != 0];
}

static PGresult *describe(postgres_run *run, const farm_statement *statement, const char *text) {
    Oid types[PARAMETERS_MAX];
    cr_assert(statement->param_count <= PARAMETERS_MAX);
    for (uint32_t i = 0; i < statement->param_count; i++)
        types[i] = type_of(statement->params[i], statement->flags & FARM_STATEMENT_ARRAYS &&
                                                     i >= statement->shared_count);
    PGresult *result =
        PQprepare(run->connection, "farm_probe", text, (int)statement->param_count, types);
    if (PQresultStatus(result) == PGRES_COMMAND_OK) {
        PQclear(result);
        result = PQdescribePrepared(run->connection, "farm_probe");
    }
    cr_expect(PQresultStatus(result) == PGRES_COMMAND_OK, "%s on postgres: %s in: %s",
              statement->name, PQresultErrorMessage(result), text);
    return result;
}

static void check_types(const farm_statement *statement, const PGresult *result) {
    int first = (statement->flags & FARM_STATEMENT_ARRAYS) != 0;
    int count = (int)statement->column_count + first;
    if (statement->column_count == 0) return; /* whatever comes is dropped */
    cr_expect(PQnfields(result) == count, "%s on postgres returns %d columns, not %d",
              statement->name, PQnfields(result), count);
    if (PQnfields(result) != count) return;
    cr_expect(!first || PQftype(result, 0) == type_of(FARM_INTEGER, 0),
              "%s on postgres: the ordinal is no bigint", statement->name);
    for (int i = first; i < count; i++)
        cr_expect(PQftype(result, i) == type_of(statement->columns[i - first], 0),
                  "%s on postgres: column %s has the type %u, not %u", statement->name,
                  PQfname(result, i), PQftype(result, i),
                  type_of(statement->columns[i - first], 0));
}

/* Whether a line of a plan reads a whole table, or a whole index: then no condition follows it. */
static int scans_relation(const char *line, const char *next) {
    if (strstr(line, "Seq Scan on farm_") != NULL) return 1;
    const char *index = strstr(line, "Index ");
    return index != NULL && strstr(index, "Scan") != NULL && strstr(index, " farm_") != NULL &&
           strstr(next, "Index Cond:") == NULL;
}

static void check_postgres_plan(postgres_run *run, const farm_statement *statement,
                                const char *text) {
    char explaining[64 + PARAMETERS_MAX * sizeof ", NULL"] = "EXPLAIN EXECUTE farm_probe";
    size_t size = strlen(explaining);
    for (uint32_t i = 0; i < statement->param_count; i++)
        size += (size_t)snprintf(explaining + size, sizeof explaining - size, "%s",
                                 i == 0 ? "(NULL" : ", NULL");
    if (statement->param_count > 0) snprintf(explaining + size, sizeof explaining - size, ")");
    PGresult *result = PQexec(run->connection, explaining);
    cr_expect(PQresultStatus(result) == PGRES_TUPLES_OK, "%s on postgres: %s", statement->name,
              PQresultErrorMessage(result));
    for (int i = 0; i < PQntuples(result); i++) {
        const char *line = PQgetvalue(result, i, 0);
        const char *next = i + 1 < PQntuples(result) ? PQgetvalue(result, i + 1, 0) : "";
        cr_expect(!scans_relation(line, next), "%s on postgres: %s, in: %s", statement->name, line,
                  text);
    }
    PQclear(result);
}

static void check_on_postgres(void *context, const farm_statement *statement) {
    postgres_run *run = context;
    for (uint32_t i = 0; i < statement->step_count; i++) {
        char *text = with_schema(statement->steps[i], run->schema);
        must_run(run->connection, "SAVEPOINT farm_probe");
        PGresult *result = describe(run, statement, text);
        if (PQresultStatus(result) == PGRES_COMMAND_OK) {
            cr_expect(PQnparams(result) == (int)statement->param_count,
                      "%s on postgres takes %d parameters, not %u", statement->name,
                      PQnparams(result), statement->param_count);
            if (i + 1 == statement->step_count) check_types(statement, result);
            if (!may_scan(run->plans, "postgres", statement->name))
                check_postgres_plan(run, statement, text);
        }
        PQclear(result);
        must_run(run->connection, "ROLLBACK TO SAVEPOINT farm_probe");
        must_run(run->connection, "DEALLOCATE ALL");
        free(text);
    }
}

Test(statements, every_statement_is_what_it_says_on_postgres) {
    postgres_run run;
    open_postgres(&run);

    for_each_statement(STORE_DIALECT_POSTGRES, check_on_postgres, &run);

    close_postgres(&run);
}

Test(statements, an_unmet_expectation_raises_on_postgres) {
    postgres_run run;
    open_postgres(&run);
    char *met = with_schema("SELECT {schema}.farm_expect(3, 3)", run.schema);
    char *missed = with_schema("SELECT {schema}.farm_expect(0, 1)", run.schema);

    must_run(run.connection, met);
    must_run(run.connection, "SAVEPOINT farm_probe");
    PGresult *result = PQexec(run.connection, missed);

    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    cr_expect(state != NULL && strcmp(state, "FM001") == 0, "%s", PQresultErrorMessage(result));
    PQclear(result);
    must_run(run.connection, "ROLLBACK TO SAVEPOINT farm_probe");
    free(met);
    free(missed);
    close_postgres(&run);
}

/* What the test of the plans goes by. */
Test(statements, a_scan_on_postgres_is_seen_in_a_plan) {
    static const char condition[] = "        Index Cond: (owner = $1)";

    cr_expect(scans_relation("  ->  Seq Scan on farm_apple red", condition));
    cr_expect(scans_relation("  ->  Index Only Scan using farm_apple_pkey on farm_apple", ""));
    cr_expect(scans_relation("Index Scan Backward using farm_i on farm_apple", "  Filter: a"));
    cr_expect(scans_relation("  ->  Bitmap Index Scan on farm_apple_b", "  ->  Hash"));
    cr_expect(!scans_relation("  ->  Index Scan using farm_apple_pkey on farm_apple", condition));
    cr_expect(!scans_relation("  Conflict Arbiter Indexes: farm_apple_pkey", ""));
    cr_expect(!scans_relation("  ->  CTE Scan on changed", ""));
}
#endif
