/* What the tests of SQLite's shared commits have in common: a store on the backend's own table of
 * functions, clients that each run one operation in a thread of their own, one after the other in
 * the queue, a record of what was begun and committed on which handle, and a disk that fails when
 * told to. */
#ifndef GROUP_SUPPORT_H
#define GROUP_SUPPORT_H

#include "../../backends/sqlite/sqlite_internal.h"
#include <pthread.h>

/* The statements of the test's store, by their numbers. */
enum {
    GROUP_ADD,       /* ?1 id, ?2 amount: refused below 0 and when the id is taken */
    GROUP_TAKE,      /* ?1 amount from the one stock; expects to change a row */
    GROUP_GIVE,      /* ?1 amount back */
    GROUP_STOCK,     /* answers what the stock holds */
    GROUP_ORPHAN,    /* ?1 id of a child without its parent; the key is deferred */
    GROUP_SPOIL,     /* ?1 id: taken, SQLite rolls the whole transaction back */
    GROUP_READ_LONG, /* comes to no end */
    GROUP_ADD_LONG,  /* neither does it, and writes */
    GROUP_ADD_MANY,  /* answers the 5,000 rows that it has added, from ?1 on */
    GROUP_STATEMENT_COUNT
};

extern const farm_statement group_statements[GROUP_STATEMENT_COUNT];

typedef struct group_client group_client;
typedef void (*group_function)(group_client *client);

struct group_client {
    farm_connection *connection;
    group_function function;
    int64_t id;
    int64_t timeout_us; /* 0: none */
    farm_status status;
    farm_fault fault;
    pthread_t thread;
    atomic_int is_done;
};

/* A file with the tables in it and nothing else. */
void group_make_file(const char *path);
void group_remove_file(const char *path);
farm_store *group_open_store(const char *path, const char *durability);
farm_connection *group_connect(farm_store *store);
extern const farm_backend *group_backend;

/* A call of a statement with up to two numbers. */
typedef struct group_call {
    farm_value values[2];
    farm_call call;
} group_call;
void group_call_init(group_call *call, uint32_t statement, int64_t first, int64_t second);
farm_status group_run(group_client *client, group_call *calls, size_t count, uint32_t flags);

/* Run the client's function in a thread, and return when it is the count-th in line or done. */
void group_queue(group_client *client, uint32_t count);
void group_join(group_client *client);
/* How many are in line for the connection's file. */
uint32_t group_line(const farm_connection *connection);

/* The answer of a query on a handle of the test's own. */
int64_t group_ask(const char *path, const char *query);
/* Of the -wal file; it never shrinks while the database is open. */
int64_t group_log_size(const char *path);

/* What has moved transactions on any handle since the last clear, in order. */
typedef struct group_event {
    const sqlite3 *handle;
    char text[32];
} group_event;
enum { GROUP_EVENT_MAX = 4096 };
void group_trace(void); /* once, before any handle is opened */
void group_trace_clear(void);
size_t group_trace_count(const char *text);
size_t group_trace_read(const group_event **out);

/* The disk: registers itself as the one that SQLite uses. The log is the -wal file. */
void group_disk(void);
void group_disk_fail_write(int32_t count); /* of the log, the next ones: the disk is full */
void group_disk_fail_sync(int32_t count);  /* of the log, the next ones: an I/O error */

/* Count a failed claim; a program ends with how many there were. */
extern atomic_int group_failures;
#define GROUP_CLAIM(condition) group_claim((condition) != 0, __FILE__, __LINE__, #condition)
void group_claim(int32_t is_true, const char *file, int line, const char *text);

#endif
