/* A connection to SQLite that listens and is lost, here to a commit that the disk does not confirm:
 * the wait after it says that it may have missed something.
 *
 *     listen URI
 *
 * Stores: sqlite-file
 * Threads: one */
#include "support/fault_vfs.h"
#include <farmcore/sqlite.h>
#include <stdio.h>
#include <stdlib.h>

static const farm_backend *const sqlite = &farm_sqlite_backend;
static farm_fault fault;

static void expect(farm_status expected, farm_status status, const char *what) {
    if (status == expected) return;
    fprintf(stderr, "not ok: %s: %s, and must be %s: %s\n", what, farm_status_name(status),
            farm_status_name(expected), fault.text);
    exit(EXIT_FAILURE);
}

static farm_connection *open_connection(farm_store *store) {
    farm_connection *connection = NULL;
    expect(FARM_OK, sqlite->open(store, 0, &connection, &fault), "open");
    return connection;
}

int main(int argument_count, char **arguments) {
    if (argument_count < 2 || !fault_vfs_register()) return EXIT_FAILURE;
    const farm_store_config config = {.struct_size = sizeof config, .uri = arguments[1]};
    farm_store *store = NULL;
    expect(FARM_OK, sqlite->store_open(&config, &store, &fault), "open the store");
    farm_connection *listener = open_connection(store);
    farm_connection *other = open_connection(store);
    expect(FARM_OK, sqlite->script(other, "CREATE TABLE word (number INTEGER)", &fault), "create");
    expect(FARM_ETIMEOUT, sqlite->wait(listener, "words", 1, &fault), "listen");

    fault_vfs_fail(1, FAULT_VFS_SYNC, FAULT_VFS_ONCE);
    expect(FARM_EUNCERTAIN, sqlite->script(listener, "INSERT INTO word VALUES (1)", &fault),
           "a commit without an answer");
    fault_vfs_fail(0, 0, 0);
    expect(FARM_OK, sqlite->script(other, "INSERT INTO word VALUES (2)", &fault), "a word");
    expect(FARM_OK, sqlite->wait(listener, "words", 1, &fault), "the wait that may have missed it");
    expect(FARM_ETIMEOUT, sqlite->wait(listener, "words", 1, &fault), "the wait after it");

    sqlite->close(other);
    sqlite->close(listener);
    sqlite->store_close(store);
    puts("a wait after the connection was lost says so");
    return EXIT_SUCCESS;
}
