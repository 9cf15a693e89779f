/* UTF-8 at every boundary of table 3-7, complaints, and cuts. */
#include "base/text.h"
#include "support/utf8.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(text);

static size_t encode(uint32_t code, char *out) {
    size_t count = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = count; i-- > 1; code >>= 6) out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(marks[count] | code);
    return count;
}

Test(text, every_scalar_value_but_nul_is_utf8_and_no_surrogate_is) {
    for (uint32_t code = 0; code <= 0x10FFFF; code++) {
        char bytes[4];
        size_t size = encode(code, bytes);
        int32_t expected = code != 0 && (code < 0xD800 || code > 0xDFFF);
        cr_assert_eq(text_is_utf8(bytes, size), expected, "U+%04X", code);
    }
}

Test(text, all_pairs_of_bytes_and_all_boundaries_of_four_agree_with_a_second_opinion) {
    static const uint8_t edges[] = {0x01, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0,
                                    0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF,
                                    0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF7, 0xF8, 0xFE, 0xFF};
    enum { EDGE_COUNT = sizeof(edges) };
    size_t accepted = 0;

    for (int first = 0; first < 256; first++) {
        for (int second = 0; second < 256; second++) {
            uint8_t bytes[2] = {(uint8_t)first, (uint8_t)second};
            cr_assert_eq(text_is_utf8((char *)bytes, 2), utf8_decodes(bytes, 2));
        }
    }
    for (size_t i = 0; i < EDGE_COUNT * EDGE_COUNT * EDGE_COUNT * EDGE_COUNT; i++) {
        uint8_t bytes[4] = {edges[i % EDGE_COUNT], edges[i / EDGE_COUNT % EDGE_COUNT],
                            edges[i / EDGE_COUNT / EDGE_COUNT % EDGE_COUNT],
                            edges[i / EDGE_COUNT / EDGE_COUNT / EDGE_COUNT]};
        for (size_t size = 3; size <= 4; size++) {
            int32_t expected = utf8_decodes(bytes, size);
            cr_assert_eq(text_is_utf8((char *)bytes, size), expected, "%02X %02X %02X %02X / %zu",
                         bytes[0], bytes[1], bytes[2], bytes[3], size);
            accepted += (size_t)expected;
        }
    }

    cr_assert_gt(accepted, 100, "the edges hold accepted sequences, too");
}

Test(text, a_sequence_may_not_end_with_the_text) {
    static const char *const whole[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x9A\x9C"};

    for (size_t i = 0; i < 3; i++) {
        for (size_t size = 1; size < strlen(whole[i]); size++) {
            char *exact = malloc(size); /* so that the address sanitizer sees a byte too far */
            memcpy(exact, whole[i], size);
            cr_assert_eq(text_is_utf8(exact, size), 0);
            free(exact);
        }
        cr_assert_eq(text_is_utf8(whole[i], strlen(whole[i])), 1);
    }
    cr_assert_eq(text_is_utf8("", 0), 1);
    cr_assert_eq(text_is_utf8(NULL, 0), 1);
    cr_assert_eq(text_is_utf8("a\0b", 3), 0);
}

Test(text, what_a_key_fails_is_said_as_the_end_of_a_sentence) {
    char key[FARM_KEY_MAX + 2];
    memset(key, 'k', sizeof(key));
    key[FARM_KEY_MAX + 1] = '\0';

    cr_assert_str_eq(text_complaint(NULL, FARM_KEY_MAX), "is missing");
    cr_assert_str_eq(text_complaint("", FARM_KEY_MAX), "is empty");
    cr_assert_str_eq(text_complaint(key, FARM_KEY_MAX), "is longer than 255 bytes");
    key[FARM_KEY_MAX] = '\0';
    cr_assert_null(text_complaint(key, FARM_KEY_MAX));
    cr_assert_str_eq(text_complaint("\xFF", FARM_KEY_MAX), "is not UTF-8");
    cr_assert_str_eq(text_complaint("ab\xC3", FARM_KEY_MAX), "is not UTF-8");
    cr_assert_str_eq(text_complaint("abc", 2), "is too long");
    cr_assert_null(text_complaint("\xC3\xA9", 2));
}

Test(text, a_complaint_reads_no_further_than_its_limit) {
    for (size_t max_size = 1; max_size < 300; max_size++) {
        char *endless = malloc(max_size + 1);
        memset(endless, 'x', max_size + 1);
        cr_assert_not_null(text_complaint(endless, max_size));
        free(endless);
    }
}

Test(text, formatting_that_fits_is_left_as_it_is) {
    char out[8];

    text_format(out, sizeof(out), "%s=%d", "abcd", 42);
    cr_assert_str_eq(out, "abcd=42");
    text_format(out, sizeof(out), "%s", "1234\xE2\x82\xAC");
    cr_assert_str_eq(out, "1234\xE2\x82\xAC");
}

Test(text, a_cut_never_splits_a_sequence) {
    static const char text[] =
        "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x9A\x9Czz\xF4\x8F\xBF\xBF\xED\x9F\xBF";

    for (size_t out_size = 1; out_size <= sizeof(text) + 1; out_size++) {
        char *out = malloc(out_size);
        text_format(out, out_size, "%s", text);
        size_t size = strlen(out);
        cr_assert_lt(size, out_size);
        cr_assert_eq(memcmp(out, text, size), 0);
        cr_assert(text_is_utf8(out, size), "cut at %zu", out_size);
        size_t lost = (out_size - 1 < sizeof(text) - 1 ? out_size - 1 : sizeof(text) - 1) - size;
        cr_assert_leq(lost, 3, "no more than the sequence was dropped");
        cr_assert(lost == 0 || ((unsigned char)text[size] & 0xC0) == 0xC0);
        free(out);
    }
}

Test(text, no_room_at_all_writes_nothing) {
    char out[2] = {'x', '\0'};

    text_format(out, 0, "%s", "abc");
    cr_assert_str_eq(out, "x");
    text_format(out, 1, "%s", "abc");
    cr_assert_str_eq(out, "");
}

Test(text, a_cut_through_bytes_that_are_no_utf8_still_ends) {
    char out[4];

    text_format(out, sizeof(out), "%s", "\x80\x80\x80\x80\x80");

    cr_assert_str_eq(out, "\x80\x80\x80");
}
