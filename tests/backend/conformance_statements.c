/* The statements and tables of the suite, and how their tokens are expanded. */
#include "conformance_statements.h"
#include <string.h>

#define ANY (-1)

const char statements_tables[] =
    "CREATE TABLE {}item (key {int} NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " amount {int} NOT NULL CHECK (amount >= 0), data {blob}){strict};"
    "CREATE TABLE {}part (item {int} NOT NULL REFERENCES {}item (key), label TEXT NOT NULL)"
    "{strict};"
    "CREATE TABLE {}late (item {int} NOT NULL REFERENCES {}item (key)"
    " DEFERRABLE INITIALLY DEFERRED){strict};"
    "CREATE TABLE {}value (key {int} NOT NULL PRIMARY KEY, number {int}, words TEXT,"
    " bytes {blob}){strict};";

const char statements_functions[] =
    "CREATE FUNCTION {}expect(actual bigint, expected bigint) RETURNS bigint"
    " LANGUAGE plpgsql VOLATILE AS $body$ BEGIN IF actual <> expected THEN"
    " RAISE EXCEPTION USING ERRCODE = 'FM001', MESSAGE = 'an expectation was missed'; END IF;"
    " RETURN actual; END $body$;";

const char statements_tables_drop[] =
    "DROP TABLE IF EXISTS {}late; DROP TABLE IF EXISTS {}part; DROP TABLE IF EXISTS {}value;"
    " DROP TABLE IF EXISTS {}item; DROP TABLE IF EXISTS {}extra;";

const char statements_functions_drop[] = "DROP FUNCTION IF EXISTS {}expect(bigint, bigint);";

const char statements_grants[] = "GRANT ALL ON {}item, {}part, {}late, {}value TO PUBLIC;"
                                 "GRANT EXECUTE ON FUNCTION {}expect(bigint, bigint) TO PUBLIC;";

/* An expectation on Postgres: the text counts what it did, and raises. */
#define EXPECTED(change, count)                                                                    \
    "WITH changed AS (" change " RETURNING 1) SELECT {}expect(COUNT(*), " count ") FROM changed"
#define EXPECTED_ROWS(change, count, join, columns)                                                \
    "WITH found AS (" change "),"                                                                  \
    " counted AS (SELECT {}expect(COUNT(*), " count ") FROM found)"                                \
    " SELECT " columns " FROM counted " join " found ON true"

#define SET_AMOUNT "UPDATE {}item SET amount = $2 WHERE key = $1"
#define SWAP_AMOUNT "UPDATE {}item SET amount = $3 WHERE key = $1 AND amount = $2"
#define SET_FROM "UPDATE {}item SET amount = $2 WHERE key >= $1"
#define FIND_FROM "SELECT key, amount FROM {}item WHERE key >= $1"
#define ADD_THREE "INSERT INTO {}item (key, name, amount) VALUES ($1, $2, $3)"
#define CHANGE_AMOUNT "UPDATE {}item SET amount = amount + $2 WHERE key = $1"

const statement_template statements_templates[STATEMENT_COUNT] = {
    [ONE] = {"one", "", "i", ANY, 0, {"SELECT CAST(1 AS {int})"}, {0}},
    [ECHO] = {"echo", "i?t?b?", "i?t?b?", ANY, 0, {"SELECT $1, $2, $3"}, {0}},
    [SUM_OF_TWELVE] = {"sum_of_twelve",
                       "iiiiii|iiiiii",
                       "i",
                       ANY,
                       0,
                       {"SELECT $1 + 2 * $2 + 3 * $3 + 4 * $4 + 5 * $5 + 6 * $6 + 7 * $7"
                        " + 8 * $8 + 9 * $9 + 10 * $10 + 11 * $11 + 12 * $12"},
                       {0}},
    [VALUE_ADD] = {"value_add",
                   "|ii?t?b?",
                   "",
                   ANY,
                   0,
                   {"INSERT INTO {}value (key, number, words, bytes) VALUES ($1, $2, $3, $4)"},
                   {0}},
    [VALUE_GET] = {"value_get",
                   "|i",
                   "i?t?b?",
                   ANY,
                   0,
                   {"SELECT number, words, bytes FROM {}value WHERE key = $1"},
                   {0}},
    [VALUE_NULLS] = {"value_nulls",
                     "i",
                     "iii",
                     ANY,
                     0,
                     {"SELECT CAST(CASE WHEN number IS NULL THEN 1 ELSE 0 END AS {int}),"
                      " CAST(CASE WHEN words IS NULL THEN 1 ELSE 0 END AS {int}),"
                      " CAST(CASE WHEN bytes IS NULL THEN 1 ELSE 0 END AS {int})"
                      " FROM {}value WHERE key = $1"},
                     {0}},
    [ITEM_ADD] = {"item_add",
                  "|itib?",
                  "",
                  ANY,
                  0,
                  {"INSERT INTO {}item (key, name, amount, data) VALUES ($1, $2, $3, $4)"},
                  {0}},
    [ITEM_ADD_RETURNING] =
        {"item_add_returning", "|iti", "it", ANY, 0, {ADD_THREE " RETURNING key, name"}, {0}},
    [ITEM_ADD_SHARED] = {"item_add_shared",
                         "ti|i",
                         "",
                         ANY,
                         0,
                         {"INSERT INTO {}item (key, name, amount)"
                          " VALUES ($3, $1 || CAST($3 AS TEXT), $2)"},
                         {0}},
    [ITEM_ADD_NEW] =
        {"item_add_new", "|iti", "", ANY, 0, {ADD_THREE " ON CONFLICT DO NOTHING"}, {0}},
    [ITEM_ADD_UNNAMED] = {"item_add_unnamed", "|it?i", "", ANY, 0, {ADD_THREE}, {0}},
    [ITEM_CHANGE] = {"item_change", "|ii", "", ANY, 0, {CHANGE_AMOUNT}, {0}},
    [ITEM_CHANGE_ALL] =
        {"item_change_all", "i", "", ANY, 0, {"UPDATE {}item SET amount = amount + $1"}, {0}},
    [ITEM_REMOVE] = {"item_remove", "|i", "", ANY, 0, {"DELETE FROM {}item WHERE key = $1"}, {0}},
    [ITEM_COUNT] = {"item_count", "", "i", ANY, 0, {"SELECT COUNT(*) FROM {}item"}, {0}},
    [ITEM_AMOUNT] =
        {"item_amount", "i", "i", ANY, 0, {"SELECT amount FROM {}item WHERE key = $1"}, {0}},
    [ITEM_AMOUNT_SUM] = {"item_amount_sum",
                         "",
                         "i",
                         ANY,
                         0,
                         {"SELECT CAST(COALESCE(SUM(amount), 0) AS {int}) FROM {}item"},
                         {0}},
    [ITEM_KEYS] = {"item_keys", "", "i", ANY, 0, {"SELECT key FROM {}item ORDER BY key"}, {0}},
    [ITEM_NAMES_BETWEEN] = {"item_names_between",
                            "|ii",
                            "it",
                            ANY,
                            0,
                            {"SELECT key, name FROM {}item WHERE key >= $1 AND key < $2"
                             " ORDER BY key"},
                            {0}},
    [ITEM_SET_EXPECT] =
        {"item_set_expect", "|ii", "", 1, 0, {SET_AMOUNT}, {EXPECTED(SET_AMOUNT, "1")}},
    [ITEM_SWAP_EXPECT] =
        {"item_swap_expect", "|iii", "", 1, 0, {SWAP_AMOUNT}, {EXPECTED(SWAP_AMOUNT, "1")}},
    [ITEM_SET_FROM_EXPECT] =
        {"item_set_from_expect", "|ii", "", 3, 0, {SET_FROM}, {EXPECTED(SET_FROM, "3")}},
    [ITEM_SET_RETURNING_EXPECT] = {"item_set_returning_expect",
                                   "|ii",
                                   "ii",
                                   1,
                                   0,
                                   {SET_AMOUNT " RETURNING key, amount"},
                                   {EXPECTED_ROWS(SET_AMOUNT " RETURNING key, amount", "1",
                                                  "LEFT JOIN", "found.key, found.amount")}},
    [ITEM_FIND_FROM_EXPECT] = {"item_find_from_expect",
                               "|i",
                               "ii",
                               2,
                               0,
                               {FIND_FROM " ORDER BY key"},
                               {EXPECTED_ROWS(FIND_FROM, "2", "LEFT JOIN",
                                              "found.key, found.amount") " ORDER BY found.key"}},
    [ITEM_ABSENT_EXPECT] = {"item_absent_expect",
                            "|i",
                            "ii",
                            0,
                            0,
                            {FIND_FROM},
                            {EXPECTED_ROWS(FIND_FROM, "0", "JOIN", "found.key, found.amount")}},
    [ITEM_MOVE] = {"item_move",
                   "|iii",
                   "",
                   ANY,
                   0,
                   {"UPDATE {}item SET amount = amount - $3 WHERE key = $1",
                    "UPDATE {}item SET amount = amount + $3 WHERE key = $2"},
                   {0}},
    [ITEM_ADD_AND_READ] = {"item_add_and_read",
                           "|iti",
                           "ii",
                           ANY,
                           0,
                           {ADD_THREE, "SELECT key, amount + 1 FROM {}item WHERE key = $1"},
                           {0}},
    [ITEM_CHANGE_AND_EXPECT] = {"item_change_and_expect",
                                "|iii",
                                "",
                                1,
                                0,
                                {CHANGE_AMOUNT, "UPDATE {}item SET amount = 0 WHERE key = $3"},
                                {CHANGE_AMOUNT,
                                 EXPECTED("UPDATE {}item SET amount = 0 WHERE key = $3", "1")}},
    [NOTHING] = {"nothing", "|i", "", ANY, 0, {0}, {0}},
    [ITEM_ADD_ARRAYS] = {"item_add_arrays",
                         "ti|ib?",
                         "",
                         ANY,
                         FARM_STATEMENT_ARRAYS,
                         {"INSERT INTO {}item (key, name, amount, data)"
                          " VALUES ($3, $1 || CAST($3 AS TEXT), $2, $4)"},
                         {"INSERT INTO {}item (key, name, amount, data)"
                          " SELECT key, $1 || CAST(key AS text), $2, data"
                          " FROM unnest($3::bigint[], $4::bytea[]) AS given (key, data)"}},
    [ITEM_FIND_ARRAYS] = {"item_find_arrays",
                          "|i",
                          "it",
                          ANY,
                          FARM_STATEMENT_ARRAYS,
                          {"SELECT key, name FROM {}item WHERE key = $1"},
                          {"SELECT given.ordinal - 1, item.key, item.name"
                           " FROM unnest($1::bigint[]) WITH ORDINALITY AS given (key, ordinal)"
                           " JOIN {}item AS item ON item.key = given.key"}},
    [ITEM_SET_ARRAYS_EXPECT] =
        {"item_set_arrays_expect",
         "|ii",
         "",
         1,
         FARM_STATEMENT_ARRAYS,
         {SET_AMOUNT},
         {"WITH changed AS (UPDATE {}item AS item SET amount = given.amount"
          " FROM unnest($1::bigint[], $2::bigint[]) AS given (key, amount)"
          " WHERE item.key = given.key RETURNING 1)"
          " SELECT {}expect(COUNT(*), cardinality($1::bigint[])) FROM changed"}},
    [VALUE_ADD_ARRAYS] = {"value_add_arrays",
                          "|ii?t?b?",
                          "",
                          ANY,
                          FARM_STATEMENT_ARRAYS,
                          {"INSERT INTO {}value (key, number, words, bytes)"
                           " VALUES ($1, $2, $3, $4)"},
                          {"INSERT INTO {}value (key, number, words, bytes) SELECT * FROM"
                           " unnest($1::bigint[], $2::bigint[], $3::text[], $4::bytea[])"}},
    [IN_INTEGERS] = {"in_integers",
                     "i*",
                     "i",
                     ANY,
                     0,
                     {"SELECT key FROM {}item WHERE key {in 1} ORDER BY key"},
                     {0}},
    [IN_TEXTS] = {"in_texts",
                  "t*",
                  "i",
                  ANY,
                  0,
                  {"SELECT key FROM {}item WHERE name {in 1} ORDER BY key"},
                  {0}},
    [IN_BLOBS] = {"in_blobs",
                  "b*",
                  "i",
                  ANY,
                  0,
                  {"SELECT key FROM {}item WHERE data {in 1} ORDER BY key"},
                  {0}},
    [IN_MIXED] = {"in_mixed",
                  "ii*t*|i",
                  "i",
                  ANY,
                  0,
                  {"SELECT key FROM {}item WHERE key > $1 AND key {in 2} AND name {in 3}"
                   " AND key <= $4 ORDER BY key"},
                  {0}},
    [PART_ADD] =
        {"part_add", "|it", "", ANY, 0, {"INSERT INTO {}part (item, label) VALUES ($1, $2)"}, {0}},
    [LATE_ADD] = {"late_add", "|i", "", ANY, 0, {"INSERT INTO {}late (item) VALUES ($1)"}, {0}},
    [LATE_COUNT] = {"late_count", "", "i", ANY, 0, {"SELECT COUNT(*) FROM {}late"}, {0}},
    /* Fails because of the value, which Postgres would gladly repeat. */
    [WRONG_VALUE] = {"wrong_value",
                     "t",
                     "",
                     ANY,
                     0,
                     {"INSERT INTO {}value (key, number) VALUES (1, $1)"},
                     {"INSERT INTO {}value (key, number) VALUES (1, CAST($1 AS bigint))"}},
    [LONG_TEXTS] = {"long_texts",
                    "|ii",
                    "it",
                    ANY,
                    0,
                    {"SELECT $1, replace(hex(zeroblob($2)), '00', 'x')"},
                    {"SELECT $1, repeat('x', CAST($2 AS integer))"}},
    /* Far longer than anybody waits, but it ends, so that a limit that is ignored is a failure. */
    [SLOW] = {"slow",
              "",
              "i",
              ANY,
              0,
              {"WITH RECURSIVE number (i) AS"
               " (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < 100000000)"
               " SELECT MAX(i) FROM number"},
              {"SELECT CAST(1 AS bigint) FROM pg_sleep(30)"}},
    [NOTIFY] = {"notify",
                "t",
                "",
                ANY,
                0,
                {"UPDATE {}item SET amount = amount + 1 WHERE name <> $1"},
                {"SELECT pg_notify($1, '')"}},
    [EXTRA_COUNT] = {"extra_count", "", "i", ANY, 0, {"SELECT COUNT(*) FROM {}extra"}, {0}},
};

/* Tokens that stand for the same text wherever they are, by dialect. */
typedef struct token {
    const char *name;
    const char *sqlite;
    const char *postgres;
} token;

static const token tokens[] = {
    {"{int}", "INTEGER", "bigint"},
    {"{blob}", "BLOB", "bytea"},
    {"{strict}", " STRICT", ""},
    {"{in 1}", "IN (SELECT value FROM farm_list(?1))", "= ANY($1)"},
    {"{in 2}", "IN (SELECT value FROM farm_list(?2))", "= ANY($2)"},
    {"{in 3}", "IN (SELECT value FROM farm_list(?3))", "= ANY($3)"},
};

enum { TOKEN_COUNT = sizeof tokens / sizeof tokens[0], TOKEN_TEXT_MAX = 48 };

size_t statements_expanded_size(const char *text, const char *prefix) {
    size_t widest = strlen(prefix) > TOKEN_TEXT_MAX ? strlen(prefix) : TOKEN_TEXT_MAX;
    size_t token_count = 0;
    for (const char *at = strchr(text, '{'); at != NULL; at = strchr(at + 1, '{')) token_count++;
    return strlen(text) + token_count * widest + 1;
}

static const token *find_token(const char *text) {
    for (size_t i = 0; i < TOKEN_COUNT; i++)
        if (strncmp(text, tokens[i].name, strlen(tokens[i].name)) == 0) return &tokens[i];
    return NULL;
}

/* The text that stands for what begins here, and how much of the input it replaces. */
static const char *replacement(const char *text, const char *prefix, int32_t is_postgres,
                               size_t *out_taken) {
    if (strncmp(text, "{}", 2) == 0) {
        *out_taken = 2;
        return prefix;
    }
    if (*text == '$' && !is_postgres) {
        *out_taken = 1;
        return "?";
    }
    const token *found = find_token(text);
    if (found == NULL) return NULL;
    *out_taken = strlen(found->name);
    return is_postgres ? found->postgres : found->sqlite;
}

void statements_expand(const char *text, const char *prefix, int32_t is_postgres, char *out) {
    while (*text != '\0') {
        size_t taken = 1;
        const char *words = replacement(text, prefix, is_postgres, &taken);
        size_t size = words == NULL ? 1 : strlen(words);
        memcpy(out, words == NULL ? text : words, size);
        out += size;
        text += taken;
    }
    *out = '\0';
}
