/* The conformance suite of farmcore/backend.h, for embedding into the tests of a backend. Building
 * it takes the files conformance*.c, the headers of the library and POSIX threads; the program
 * `conformance URI [OWNER_URI]` is the same with a main(). */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <farmcore/backend.h>

/**
 * Run every case against a store and print TAP to standard output.
 *
 * Each case opens the store anew, makes tables of its own in the current schema and drops them. On
 * the dialect "postgres" it also makes functions in plpgsql.
 *
 * @param backend the table under test.
 * @param uri where its store is, with settings; the store may be empty or in use.
 * @param owner_uri for making the tables, when the role of uri may not; NULL: uri.
 * @param only run the cases whose sentence contains this text; NULL: all.
 * @return how many cases failed; -1 when the URI is not of this backend or no case was chosen.
 */
int farm_backend_conformance(const farm_backend *backend, const char *uri, const char *owner_uri,
                             const char *only);

#endif
