/* Ids: UUIDv7 made in order, and their text. Which clock and entropy a session uses is decided in
 * session.c. */
#include "base/id.h"
#include "base/clock.h"
#include "base/text.h"
#include <stdatomic.h>
#include <string.h>

enum { COUNTER_BITS = 12, COUNTER_START_MASK = 0x7FF, RANDOM_SIZE = 10, ID_TEXT_LENGTH = 36 };

/* The moment of the last id: milliseconds << 12 | counter. One number, so that a counter that runs
 * over carries into the milliseconds by itself. 60 bits hold it: times end in 2200, and the years
 * from there to the end of 48 bits are room for more ids than a process can make. */
static _Atomic uint64_t last_moment;

/* The next moment: fresh when its millisecond is new, else one more than the last, so that neither
 * several ids in a millisecond nor a clock that was set back can go backward. */
static uint64_t take_moment(uint64_t fresh) {
    uint64_t last = atomic_load(&last_moment);
    uint64_t next;
    do { /* Ends: whenever this thread must try again, another has taken its moment. */
        next = fresh >> COUNTER_BITS > last >> COUNTER_BITS ? fresh : last + 1;
    } while (!atomic_compare_exchange_weak(&last_moment, &last, next));
    return next;
}

void id_make(int64_t now_us, const farm_entropy *entropy, farm_id *out) {
    uint8_t random[RANDOM_SIZE];
    entropy->fill(entropy->context, random, sizeof(random));
    int64_t bounded_us = now_us < 0 ? 0 : now_us > CLOCK_MAX_US ? CLOCK_MAX_US : now_us;
    /* The counter starts in its lower half, which leaves 2,048 ids before it runs over. */
    uint64_t start = ((uint64_t)random[8] << 8 | random[9]) & COUNTER_START_MASK;
    uint64_t moment = take_moment((uint64_t)(bounded_us / 1000) << COUNTER_BITS | start);

    for (size_t i = 0; i < 6; i++) out->bytes[i] = (uint8_t)(moment >> (52 - 8 * i));
    out->bytes[6] = (uint8_t)(0x70 | (moment >> 8 & 0x0F)); /* version 7 */
    out->bytes[7] = (uint8_t)moment;
    memcpy(out->bytes + 8, random, 8);
    out->bytes[8] = (uint8_t)(0x80 | (random[0] & 0x3F)); /* variant 10 */
}

int32_t id_is_zero(const farm_id *id) {
    static const farm_id zero;
    return id_equals(id, &zero);
}

int32_t id_equals(const farm_id *left, const farm_id *right) {
    return memcmp(left->bytes, right->bytes, sizeof(left->bytes)) == 0;
}

/* Whether a hyphen stands before this byte. */
static int32_t follows_hyphen(size_t index) {
    return index == 4 || index == 6 || index == 8 || index == 10;
}

void farm_id_to_text(const farm_id *id, char *text) {
    static const char digits[] = "0123456789abcdef";
    if (text == NULL) return;
    if (id != NULL) {
        for (size_t i = 0; i < sizeof(id->bytes); i++) {
            if (follows_hyphen(i)) *text++ = '-';
            *text++ = digits[id->bytes[i] >> 4];
            *text++ = digits[id->bytes[i] & 15];
        }
    }
    *text = '\0';
}

farm_status farm_id_from_text(const char *text, farm_id *out) {
    if (text == NULL || out == NULL) return FARM_EINVAL;
    if (strnlen(text, ID_TEXT_LENGTH + 1) != ID_TEXT_LENGTH) return FARM_EINVAL;
    farm_id id;
    for (size_t i = 0; i < sizeof(id.bytes); i++) {
        if (follows_hyphen(i) && *text++ != '-') return FARM_EINVAL;
        int32_t high = text_hex_digit(*text++);
        int32_t low = text_hex_digit(*text++);
        if (high < 0 || low < 0) return FARM_EINVAL;
        id.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *out = id;
    return FARM_OK;
}

_Static_assert((int)FARM_ID_TEXT_SIZE == (int)ID_TEXT_LENGTH + 1, "36 characters and a NUL");
