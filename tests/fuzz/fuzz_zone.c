/* Any bytes as a time zone: a complaint, or a zone whose windows tile around any moment. */
#include "base/calendar.h"
#include "base/zone_file.h"
#include "fuzz.h"

static void claim_same(const calendar_window *left, const calendar_window *right) {
    claim(memcmp(left, right, sizeof(*left)) == 0);
}

static void check_windows(const zone *place, int32_t unit, int64_t now_us) {
    calendar_window window;
    calendar_window_at(place, unit, now_us, &window);
    claim(window.index >= 1 && window.begin_us <= now_us && now_us < window.end_us);
    calendar_window other;
    calendar_window_of(place, unit, window.index, &other);
    claim_same(&window, &other);
    if (unit == CALENDAR_NONE) return;

    calendar_window_at(place, unit, window.end_us - 1, &other);
    if (window.end_us <= CALENDAR_MAX_US) claim_same(&window, &other);
    calendar_window_at(place, unit, window.begin_us, &other);
    if (window.begin_us >= 0) claim_same(&window, &other);
    calendar_window_of(place, unit, window.index + 1, &other);
    claim(other.index == window.index + 1 && other.begin_us == window.end_us);
    claim(other.end_us > other.begin_us);
}

/* The first moment that shows a time shows it, or a later one after a change; the second before
 * does not. */
static void check_first(const zone *place, int64_t local_s) {
    const int64_t first_s = zone_first_s(place, local_s);
    claim(first_s + zone_offset_s(place, first_s) >= local_s);
    claim(first_s - 1 + zone_offset_s(place, first_s - 1) < local_s);
}

/* 17 bytes choose the moment, an offset to it and the unit; the rest is the text. */
enum { MOMENT_SIZE = 8, TEXT_AT = 17 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < TEXT_AT) return 0;
    uint64_t moment;
    uint64_t index;
    memcpy(&moment, data, MOMENT_SIZE);
    memcpy(&index, data + MOMENT_SIZE, MOMENT_SIZE);
    char *text = fuzz_text(data + TEXT_AT, size - TEXT_AT);
    if (text == NULL) return 0;

    zone place;
    const char *complaint = zone_parse(text, &place);
    char found[ZONE_TEXT_SIZE];
    const char *found_complaint = zone_find_in(NULL, 0, text, found);
    if (complaint == NULL) claim(found_complaint == NULL && strcmp(text, found) == 0);
    claim(zone_parse(found, &place) == NULL);

    const int64_t now_us = (int64_t)(moment % (uint64_t)CALENDAR_MAX_US);
    const int64_t offset_s = zone_offset_s(&place, now_us / 1000000);
    claim(offset_s > -2 * 86400 && offset_s < 2 * 86400);
    check_windows(&place, data[TEXT_AT - 1] % CALENDAR_COUNT, now_us);
    check_first(&place, now_us / 1000000);
    calendar_window window;
    calendar_window_of(&place, data[TEXT_AT - 1], (int64_t)index, &window);
    claim(window.index >= 1 && window.begin_us < window.end_us);
    free(text);
    return 0;
}
