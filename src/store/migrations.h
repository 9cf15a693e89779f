/* The migrations that this library knows, generated from src/schema by migrations.py. */
#ifndef STORE_MIGRATIONS_H
#define STORE_MIGRATIONS_H

#include "store/module.h"

enum { MIGRATION_HASH_SIZE = 32 };

typedef struct store_migration {
    int64_t number;
    const char *name;
    int64_t
        works_with; /* the oldest library, by its newest migration, that can work on the result */
    uint8_t hash[STORE_DIALECT_COUNT][MIGRATION_HASH_SIZE]; /* SHA-256 of the text */
    const char *text[STORE_DIALECT_COUNT];
} store_migration;

extern const store_migration store_migrations[];
extern const size_t store_migration_count;

/* What lets another role use the tables; "" where a dialect has no roles. */
extern const char *const store_grants[STORE_DIALECT_COUNT];

#endif
