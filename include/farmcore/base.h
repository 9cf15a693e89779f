/**
 * @file farmcore/base.h
 * What every other header stands on: statuses, ids, values, memory, the version.
 *
 * Conventions of the whole library:
 * - Time is `int64_t` microseconds since 1970-01-01 UTC and ends in `_us`.
 * - Text is UTF-8 and NUL-terminated; what belongs to the application (a user, an entity, a key)
 *   has 1 to FARM_KEY_MAX bytes.
 * - A struct that the caller allocates begins with `uint32_t struct_size`; zero means the default
 *   in every other field, and fields are only ever added at the end.
 * - *in* parameters are read during the call and never kept; *out* parameters belong to the caller;
 *   what an accessor returns lives as long as its object.
 */
#ifndef FARMCORE_BASE_H
#define FARMCORE_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(SWIG)
#define FARM_API
#elif defined(__GNUC__)
#define FARM_API __attribute__((visibility("default")))
#else
#define FARM_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** The version of this header; farm_version() tells the library's. */
#define FARM_VERSION_MAJOR 0
#define FARM_VERSION_MINOR 1
#define FARM_VERSION_PATCH 0

enum {
    FARM_KEY_MAX = 255,        /**< bytes of a key, name, user or entity */
    FARM_ID_TEXT_SIZE = 37,    /**< an id as text, its NUL included */
    FARM_ERROR_TEXT_SIZE = 256 /**< the text of an error, its NUL included */
};

/**
 * Every status: name, number, what it says. A status says what to do; the reason on the session
 * says which rule; the text says it to a person.
 */
#define FARM_STATUSES(X)                                                                           \
    X(OK, 0, "done")                                                                               \
    X(ENOMEM, 1, "out of memory; nothing was changed")                                             \
    X(EINVAL, 2, "the call is wrong: an argument, or the state it was made in")                    \
    X(ENOTFOUND, 3, "no such thing, or not for this actor to know")                                \
    X(EEXISTS, 4, "already there with other fields")                                               \
    X(ECONFLICT, 5, "something else changed first: read again, then decide")                       \
    X(EREFUSED, 6, "a rule of the product says no")                                                \
    X(EAGAIN, 7, "busy: the same call may succeed later")                                          \
    X(ETIMEOUT, 8, "the deadline passed, or the call was interrupted")                             \
    X(EUNAVAILABLE, 9, "the store cannot be reached")                                              \
    X(EUNCERTAIN, 10, "the store did not say whether it committed: repeat with the same id")       \
    X(EDENIED, 11, "this actor may not")                                                           \
    X(EREADONLY, 12, "the store takes no writes")                                                  \
    X(EFULL, 13, "the store has no room")                                                          \
    X(ECORRUPT, 14, "the store's data is damaged or is not ours")                                  \
    X(EUNSUPPORTED, 15, "newer or other than this library can handle")                             \
    X(EINTERNAL, 16, "a defect of this library")

/** A status. Functions return it as a number so that its size never changes. */
typedef int32_t farm_status;

enum {
#define FARM_STATUS_ENUM(name, number, text) FARM_##name = number,
    FARM_STATUSES(FARM_STATUS_ENUM)
#undef FARM_STATUS_ENUM
};

/** 16 bytes: a UUIDv7 (RFC 9562) when farm_id_new() made it, else anything unique. */
typedef struct farm_id {
    uint8_t bytes[16];
} farm_id;

/** The kinds of value that every store holds. */
enum { FARM_NULL = 0, FARM_INTEGER = 1, FARM_TEXT = 2, FARM_BLOB = 3, FARM_LIST = 4 };

/** A value, borrowed from whoever made it. */
typedef struct farm_value {
    int32_t type;      /**< FARM_NULL … FARM_LIST */
    uint32_t reserved; /**< 0 */
    int64_t integer;   /**< FARM_INTEGER */
    const void
        *data;   /**< FARM_TEXT, FARM_BLOB: bytes, not NUL-terminated; FARM_LIST: farm_value[] */
    size_t size; /**< bytes of data; FARM_LIST: how many values */
} farm_value;

/** The last error of a session or of a pool call. */
typedef struct farm_error {
    uint32_t struct_size;
    farm_status status;
    int32_t reason; /**< the module's reason, 0 when the status says it all */
    uint32_t reserved;
    char text[FARM_ERROR_TEXT_SIZE]; /**< one English line with the figures; never a secret */
} farm_error;

/** Where the library takes memory from. */
typedef struct farm_allocator {
    uint32_t struct_size;
    uint32_t reserved;
    /** As malloc(): NULL when there is none. Called from any thread. */
    void *(*allocate)(void *context, size_t size);
    /** As realloc(). */
    void *(*reallocate)(void *context, void *data, size_t size);
    /** As free(); NULL is allowed. */
    void (*release)(void *context, void *data);
    void *context;
} farm_allocator;

/**
 * The library's version, as major × 1,000,000 + minor × 1,000 + patch.
 *
 * @return the number.
 * Threads: any. Since 0.1.0.
 */
FARM_API int32_t farm_version(void);

/**
 * The name of a status, such as "FARM_EAGAIN".
 *
 * @return static text; "FARM_UNKNOWN" for a number that is no status.
 * Threads: any. Since 0.1.0.
 */
FARM_API const char *farm_status_name(farm_status status);

/**
 * What a status says, as one English line.
 *
 * @return static text.
 * Threads: any. Since 0.1.0.
 */
FARM_API const char *farm_status_text(farm_status status);

/**
 * Whether the same call, repeated with the same ids, may succeed: EAGAIN, ETIMEOUT, EUNAVAILABLE
 * and EUNCERTAIN.
 *
 * @return 1 or 0.
 * Threads: any. Since 0.1.0.
 */
FARM_API int32_t farm_status_is_retryable(farm_status status);

/**
 * Replace malloc(), realloc() and free() for everything that the library itself allocates.
 * Call it once, before anything else; memory from before is released with the new hooks.
 * SQLite, libpq and cJSON keep the allocators that the process gave them.
 *
 * @param allocator all three functions, or NULL for the C library's.
 * @return FARM_OK
 * @return FARM_EINVAL a function is missing.
 * @return FARM_EUNSUPPORTED the struct has fields that this version does not know.
 * Ownership: the struct is copied. Threads: before any other call. Since 0.1.0.
 */
FARM_API farm_status farm_allocator_set(const farm_allocator *allocator);

/**
 * Allocate with the library's hooks; for backends, and for hosts that hand memory back and forth.
 *
 * @param size bytes; 0 counts as 1.
 * @return the memory, or NULL. Ownership: the caller's, for farm_free(). Threads: any. Since 0.1.0.
 */
FARM_API void *farm_allocate(size_t size);

/**
 * Resize what farm_allocate() gave.
 *
 * @param data may be NULL.
 * @param size bytes; 0 counts as 1.
 * @return the memory, or NULL and then the old block stands. Threads: any. Since 0.1.0.
 */
FARM_API void *farm_reallocate(void *data, size_t size);

/**
 * Free what a function of this library returned as `out_text`, or farm_allocate()d.
 *
 * @param data NULL is allowed.
 * Threads: any. Since 0.1.0.
 */
FARM_API void farm_free(void *data);

/**
 * Write an id as its 36 characters and a NUL (RFC 9562).
 *
 * @param text receives FARM_ID_TEXT_SIZE bytes.
 * Threads: any. Since 0.1.0.
 */
FARM_API void farm_id_to_text(const farm_id *id, char *text);

/**
 * Read an id from its 36 characters, in upper or lower case.
 *
 * @param out receives the id; unchanged on error.
 * @return FARM_OK
 * @return FARM_EINVAL the text is NULL or not of that form.
 * Threads: any. Since 0.1.0.
 */
FARM_API farm_status farm_id_from_text(const char *text, farm_id *out);

#ifdef __cplusplus
}
#endif
#endif
