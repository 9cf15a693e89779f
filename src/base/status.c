/* The statuses' names and texts, and the version: tables made from base.h. What a status of a
 * store's own code means is the backend's business. */
#include <farmcore/base.h>

typedef struct status_row {
    const char *name;
    const char *text;
} status_row;

static const status_row rows[] = {
#define STATUS_ROW(name, number, text) [number] = {"FARM_" #name, text},
    FARM_STATUSES(STATUS_ROW)
#undef STATUS_ROW
};

enum { STATUS_COUNT = sizeof(rows) / sizeof(rows[0]) };

static const uint32_t retryable = UINT32_C(1) << FARM_EAGAIN | UINT32_C(1) << FARM_ETIMEOUT |
                                  UINT32_C(1) << FARM_EUNAVAILABLE | UINT32_C(1) << FARM_EUNCERTAIN;

static int32_t is_status(farm_status status) {
    return status >= 0 && status < (farm_status)STATUS_COUNT;
}

int32_t farm_version(void) {
    return FARM_VERSION_MAJOR * 1000000 + FARM_VERSION_MINOR * 1000 + FARM_VERSION_PATCH;
}

const char *farm_status_name(farm_status status) {
    return is_status(status) ? rows[status].name : "FARM_UNKNOWN";
}

const char *farm_status_text(farm_status status) {
    return is_status(status) ? rows[status].text : "no status of this library";
}

int32_t farm_status_is_retryable(farm_status status) {
    return is_status(status) && (retryable >> status & 1) != 0;
}
