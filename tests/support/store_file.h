/* A SQLite database as files, for tests that begin with the same one many times. */
#ifndef STORE_FILE_H
#define STORE_FILE_H

/* Remove the database at that path, its logs too. */
void store_file_remove(const char *path);
/* Copy a database that nobody has open. Aborts when it cannot. */
void store_file_copy(const char *from, const char *to);

#endif
