/* The statements and tables of the suite. Texts carry tokens, because each case has tables of its
 * own and because the two dialects differ a little:
 *
 *     {}        the prefix of the case's tables and functions
 *     $1        a parameter: ?1 on "sqlite"
 *     {int}     INTEGER or bigint; {blob}: BLOB or bytea; {strict}: STRICT or nothing
 *     {in 1}    is one of the list $1
 */
#ifndef CONFORMANCE_STATEMENTS_H
#define CONFORMANCE_STATEMENTS_H

#include <farmcore/backend.h>

/* Numbers of statements: their places in the table given to store_open. */
enum {
    ONE,
    ECHO,
    SUM_OF_TWELVE,
    VALUE_ADD,
    VALUE_GET,
    VALUE_NULLS,
    ITEM_ADD,
    ITEM_ADD_RETURNING,
    ITEM_ADD_SHARED,
    ITEM_ADD_NEW,
    ITEM_ADD_UNNAMED,
    ITEM_CHANGE,
    ITEM_CHANGE_ALL,
    ITEM_REMOVE,
    ITEM_COUNT,
    ITEM_AMOUNT,
    ITEM_AMOUNT_SUM,
    ITEM_KEYS,
    ITEM_NAMES_BETWEEN,
    ITEM_SET_EXPECT,
    ITEM_SWAP_EXPECT,
    ITEM_SET_FROM_EXPECT,
    ITEM_SET_RETURNING_EXPECT,
    ITEM_FIND_FROM_EXPECT,
    ITEM_ABSENT_EXPECT,
    ITEM_MOVE,
    ITEM_ADD_AND_READ,
    ITEM_CHANGE_AND_EXPECT,
    NOTHING,
    ITEM_ADD_ARRAYS,
    ITEM_FIND_ARRAYS,
    ITEM_SET_ARRAYS_EXPECT,
    VALUE_ADD_ARRAYS,
    IN_INTEGERS,
    IN_TEXTS,
    IN_BLOBS,
    IN_MIXED,
    PART_ADD,
    LATE_ADD,
    LATE_COUNT,
    WRONG_VALUE,
    LONG_TEXTS,
    SLOW,
    NOTIFY,
    EXTRA_COUNT,
    STATEMENT_COUNT
};

/* Makes the tables of a case, with the tokens above; the second text is for "postgres" alone. */
extern const char statements_tables[];
extern const char statements_functions[];
/* Takes them away. */
extern const char statements_tables_drop[];
extern const char statements_functions_drop[];
/* For an owner that is not the role under test. */
extern const char statements_grants[];

/* The most bytes that expanding a text adds. */
size_t statements_expanded_size(const char *text, const char *prefix);
void statements_expand(const char *text, const char *prefix, int32_t is_postgres, char *out);

/* What a template says of a statement; the texts are those of the dialect, not expanded. */
typedef struct statement_template {
    const char *name;
    const char *params;  /* i, t or b each; ?: may be NULL; *: a list; |: from here on by row */
    const char *columns; /* the same letters */
    int32_t expect;
    uint32_t postgres_flags;
    const char *steps[2];
    const char *postgres[2]; /* when it differs */
} statement_template;

extern const statement_template statements_templates[STATEMENT_COUNT];

#endif
