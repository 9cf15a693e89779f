/* FARM_ASSERT: for defects of this library alone, never for what a caller hands in. */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#include <farmcore/base.h>
#include <stdlib.h>

/* In a release a broken assumption becomes a status that the caller can handle; in a debug build
 * it stops where it broke. Use it in functions that return farm_status. */
#ifdef NDEBUG
#define FARM_ASSERT(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) return FARM_EINTERNAL;                                                   \
    } while (0)
#else
#define FARM_ASSERT(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) abort();                                                                 \
    } while (0)
#endif

#endif
