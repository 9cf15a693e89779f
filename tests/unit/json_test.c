/* JSON: what is refused and with which words, what is read, what is written. */
#include "base/json.h"
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

TestSuite(json);

/* Parse from a block of exactly that size, so that the address sanitizer sees a byte too far. */
static json *parse_bytes(const char *text, size_t size, farm_status *status,
                         const char **complaint) {
    char *exact = malloc(size > 0 ? size : 1);
    if (size > 0) memcpy(exact, text, size);
    json *value = NULL;
    *status = json_parse(exact, size, &value, complaint);
    free(exact);
    return value;
}

static json *parse(const char *text) {
    farm_status status;
    const char *complaint;
    json *value = parse_bytes(text, strlen(text), &status, &complaint);
    cr_assert_eq(status, FARM_OK, "%s: %s", text, complaint);
    cr_assert_not_null(value);
    return value;
}

static void refuse_bytes(const char *text, size_t size, const char *words) {
    farm_status status;
    const char *complaint;
    json *value = parse_bytes(text, size, &status, &complaint);
    cr_assert_eq(status, FARM_EINVAL, "%.60s", text);
    cr_assert_null(value);
    cr_assert_str_eq(complaint, words, "%.60s: %s", text, complaint);
}

static void refuse(const char *text, const char *words) {
    refuse_bytes(text, strlen(text), words);
}

static void expect_printed(const json *value, const char *expected) {
    char *text = NULL;
    cr_assert_eq(json_print(value, &text), FARM_OK);
    cr_assert_str_eq(text, expected);
    farm_free(text);
}

Test(json, every_form_of_value_is_read) {
    static const char *const texts[] = {"0",
                                        "-0",
                                        "-1",
                                        "12",
                                        "0.5",
                                        "1e5",
                                        "1E+5",
                                        "-1.25e-5",
                                        "true",
                                        "false",
                                        "null",
                                        "\"\"",
                                        "[]",
                                        "{}",
                                        " [ ] ",
                                        "\t{\r\n}\n",
                                        "[1,2]",
                                        "[[],[[]]]",
                                        "{\"a\":{\"a\":1}}",
                                        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE9C\"",
                                        "\"\xC3\xA9\xF0\x9F\x9A\x9C\"",
                                        "{\"\":1,\" \":2}",
                                        "[true,false,null,0,\"\"]",
                                        "\"\x7F\""};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) json_free(parse(texts[i]));
}

static const char *const not_json[] = {"",
                                       " ",
                                       "[",
                                       "]",
                                       "{",
                                       "}",
                                       "[1",
                                       "[1,",
                                       "[1,]",
                                       "[,1]",
                                       "[1 2]",
                                       "{\"a\"}",
                                       "{\"a\":}",
                                       "{\"a\":1,}",
                                       "{,}",
                                       "{a:1}",
                                       "{'a':1}",
                                       "{1:1}",
                                       "\"",
                                       "\"a",
                                       "\"\\\"",
                                       "\"\\x\"",
                                       "\"\\u12\"",
                                       "\"\\u12g4\"",
                                       "\"\\",
                                       "tru",
                                       "truE",
                                       "True",
                                       "nul",
                                       "nulll",
                                       "NaN",
                                       "Infinity",
                                       "-Infinity",
                                       "01",
                                       "-",
                                       "-a",
                                       "+1",
                                       "1.",
                                       ".5",
                                       "1.e5",
                                       "1e",
                                       "1e+",
                                       "0x10",
                                       "1_000",
                                       "00",
                                       "-01",
                                       "--1",
                                       "1 1",
                                       "{}{}",
                                       "[]]",
                                       "null,",
                                       "{}x",
                                       "// c\n1",
                                       "/*c*/1",
                                       "\"a\nb\"",
                                       "\"a\tb\"",
                                       "\"\x01\"",
                                       "\v1",
                                       "\f1",
                                       "\0011",
                                       "1\x1F",
                                       "\xEF\xBB\xBF[]",
                                       "[\"a\"\"b\"]",
                                       "{\"a\":1 \"b\":2}",
                                       "{\"a\" 1}",
                                       "{\"a\"::1}",
                                       "[}",
                                       "{]",
                                       "[1}",
                                       "\\u0031"};

Test(json, what_is_not_json_is_refused_though_others_let_it_pass) {
    for (size_t i = 0; i < sizeof(not_json) / sizeof(not_json[0]); i++)
        refuse(not_json[i], "is not JSON");
}

Test(json, no_text_is_missing) {
    json *value = NULL;
    const char *complaint = NULL;

    cr_assert_eq(json_parse(NULL, 0, &value, &complaint), FARM_EINVAL);

    cr_assert_str_eq(complaint, "is missing");
}

Test(json, every_prefix_of_a_document_is_refused) {
    static const char whole[] =
        "{\"k\\u00e9\":[1.5e3,true,null,\"\\uD83D\\uDE9C\xF0\x9F\x9A\x9C\"]}";

    for (size_t size = 0; size < sizeof(whole) - 1; size++) {
        farm_status status;
        const char *complaint;
        cr_assert_null(parse_bytes(whole, size, &status, &complaint));
        cr_assert_eq(status, FARM_EINVAL);
    }
    json_free(parse(whole));
}

static void nest(char *out, size_t out_size, const char *outer, const char *inner, const char *end,
                 size_t depth) {
    size_t used = 0;
    for (size_t i = 0; i < 2 * depth; i++) {
        const char *part = i >= depth ? end : i + 1 < depth ? outer : inner;
        used += (size_t)snprintf(out + used, out_size - used, "%s", part);
    }
}

Test(json, a_depth_of_32_is_read_and_one_more_is_not) {
    for (size_t depth = 31; depth <= 34; depth++) {
        char arrays[128];
        char objects[512];
        nest(arrays, sizeof arrays, "[", "[", "]", depth);
        nest(objects, sizeof objects, "{\"a\":", "{", "}", depth);
        if (depth <= 32) {
            json_free(parse(arrays));
            json_free(parse(objects));
        } else {
            refuse(arrays, "is nested deeper than 32");
            refuse(objects, "is nested deeper than 32");
        }
    }
}

Test(json, a_hundred_thousand_brackets_are_refused_at_the_33rd) {
    enum { COUNT = 100000 };
    char *bomb = malloc(5 * COUNT);

    memset(bomb, '[', COUNT);
    refuse_bytes(bomb, COUNT, "is nested deeper than 32");
    for (size_t i = 0; i < COUNT; i++) memcpy(bomb + 5 * i, "{\"a\":", 5);
    refuse_bytes(bomb, 5 * COUNT, "is nested deeper than 32");
    for (size_t i = 0; i < COUNT; i++) memcpy(bomb + 4 * i, "[1, ", 4);
    refuse_bytes(bomb, 4 * COUNT, "is nested deeper than 32");

    free(bomb);
}

Test(json, breadth_is_no_depth) {
    enum { COUNT = 50000 };
    char *text = malloc(3 * COUNT + 2);
    text[0] = '[';
    for (size_t i = 0; i < COUNT; i++) memcpy(text + 1 + 3 * i, "[],", 3);
    text[3 * COUNT] = ']';
    text[3 * COUNT + 1] = '\0';

    json_free(parse(text));

    free(text);
}

Test(json, a_mebibyte_is_read_and_one_byte_more_is_not) {
    char *text = malloc(JSON_SIZE_MAX + 1);
    memset(text, 'x', JSON_SIZE_MAX + 1);
    text[0] = '"';
    text[JSON_SIZE_MAX - 1] = '"';
    text[JSON_SIZE_MAX] = ' ';
    farm_status status;
    const char *complaint;

    json *value = parse_bytes(text, JSON_SIZE_MAX, &status, &complaint);

    cr_assert_eq(status, FARM_OK);
    cr_assert_eq(strlen(json_text(value)), JSON_SIZE_MAX - 2);
    json_free(value);
    refuse_bytes(text, JSON_SIZE_MAX + 1, "is larger than 1048576 bytes");
    free(text);
}

Test(json, a_key_may_stand_once_at_every_level) {
    static const char *const twice[] = {"{\"a\":1,\"a\":2}",
                                        "{\"a\":1,\"b\":2,\"a\":1}",
                                        "{\"\":1,\"\":1}",
                                        "{\"x\":{\"a\":1,\"a\":2}}",
                                        "[[[{\"b\":0,\"a\":{},\"c\":0,\"a\":[]}]]]",
                                        "{\"x\":[1,{\"y\":{\"a\":1,\"\\u0061\":2}}]}",
                                        "{\"\\/\":1,\"/\":2}",
                                        "{\"\xF0\x9F\x9A\x9C\":1,\"\\ud83d\\ude9c\":2}",
                                        "{\"a\":{\"z\":1},\"b\":[{\"q\":1},{\"q\":1,\"q\":1}]}"};

    for (size_t i = 0; i < sizeof(twice) / sizeof(twice[0]); i++)
        refuse(twice[i], "has a key twice");
    json_free(parse("{\"a\":1,\"A\":2,\"b\":{\"a\":1},\"c\":[{\"a\":1},{\"a\":1}],\"aa\":1}"));
}

Test(json, the_one_double_key_among_eighty_thousand_is_found) {
    enum { COUNT = 80000 };
    char *text = malloc(JSON_SIZE_MAX);

    for (int is_double = 0; is_double < 2; is_double++) {
        size_t size = 0;
        text[size++] = '{';
        for (int i = 0; i < COUNT; i++) {
            /* 79,999 × 7 mod 80,000, and so on: no order that a sort would like. */
            int number = i == COUNT - 1 && is_double ? 7 : (int)((int64_t)i * 7 % COUNT);
            size += (size_t)snprintf(text + size, 16, "\"%x\":0,", (unsigned)number);
        }
        text[size - 1] = '}';
        if (is_double) {
            refuse_bytes(text, size, "has a key twice");
        } else {
            farm_status status;
            const char *complaint;
            json *value = parse_bytes(text, size, &status, &complaint);
            cr_assert_eq(status, FARM_OK);
            json_free(value);
        }
    }

    free(text);
}

Test(json, text_that_is_not_utf8_is_refused_inside_strings_and_out) {
    refuse("\"\xFF\"", "is not UTF-8");
    refuse("\"\xC0\xAF\"", "is not UTF-8");
    refuse("\"\xED\xA0\x80\"", "is not UTF-8");
    refuse("\"\xF0\x9F\x9A\"", "is not UTF-8");
    refuse("{\"\x80\":1}", "is not UTF-8");
    refuse("[]\xC3", "is not UTF-8");
}

Test(json, a_nul_is_refused_raw_and_escaped) {
    refuse_bytes("\"a\0b\"", 5, "holds a NUL");
    refuse_bytes("[]\0", 3, "holds a NUL");
    refuse_bytes("\0", 1, "holds a NUL");
    refuse("\"a\\u0000b\"", "holds a NUL");
    refuse("{\"a\\u0000\":1}", "holds a NUL");
    json_free(parse("\"\\u0001\""));
}

Test(json, half_a_surrogate_pair_is_refused) {
    static const char *const halves[] = {
        "\"\\ud800\"",        "\"\\udbff\"",        "\"\\udc00\"",
        "\"\\uDFFF\"",        "\"\\ud800x\"",       "\"\\ud800\\n\"",
        "\"\\ud800\\u0041\"", "\"\\ud800\\ud800\"", "\"\\udc00\\ud800\"",
        "\"\\ud800\\udbff\"", "\"\\ud800\\ue000\"", "\"x\\ud83d\\ude9c\\ude9c\""};

    for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++)
        refuse(halves[i], "holds half of a surrogate pair");
    refuse("\"\\ud800\\u\"", "is not JSON");
    json *pair = parse("\"\\ud800\\udc00\\udbff\\udfff\\ud7ff\\ue000\"");
    cr_assert_str_eq(json_text(pair), "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\xED\x9F\xBF\xEE\x80\x80");
    json_free(pair);
}

Test(json, numbers_that_no_double_holds_are_refused_and_small_ones_are_not) {
    refuse("1e309", "has a number out of range");
    refuse("[{\"a\":-1e400}]", "has a number out of range");
    refuse("9999999999999999999999999999999999999999999999999999999999999999",
           "has a number out of range");
    refuse("0.00000000000000000000000000000000000000000000000000000000000000",
           "has a number out of range");
    json_free(parse("1.7976931348623157e308"));
    json_free(parse("-1.7976931348623157e308"));
    json_free(parse("1e-400"));
    json_free(parse("0.0000000000000000000000000000000000000000000000000000000000001"));
}

Test(json, integers_are_those_that_a_double_tells_apart) {
    static const struct {
        const char *text;
        int32_t is_integer;
        int64_t integer;
    } cases[] = {
        {"0", 1, 0},
        {"-0", 1, 0},
        {"-0.0", 1, 0},
        {"42", 1, 42},
        {"1e3", 1, 1000},
        {"1.5e1", 1, 15},
        {"9007199254740991", 1, INT64_C(9007199254740991)},
        {"-9007199254740991", 1, INT64_C(-9007199254740991)},
        {"9007199254740992", 0, 0},
        {"9007199254740993", 0, 0},
        {"-9007199254740992", 0, 0},
        {"9223372036854775807", 0, 0},
        {"1e300", 0, 0},
        {"0.5", 0, 0},
        {"-1.0000001", 0, 0},
        {"1e-400", 1, 0},
        {"\"1\"", 0, 0},
        {"true", 0, 0},
        {"null", 0, 0},
        {"[1]", 0, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json *value = parse(cases[i].text);
        int64_t integer = 77;
        farm_status status = json_integer(value, &integer);
        cr_assert_eq(status, cases[i].is_integer ? FARM_OK : FARM_EINVAL, "%s", cases[i].text);
        cr_assert_eq(integer, cases[i].is_integer ? cases[i].integer : 77, "%s", cases[i].text);
        json_free(value);
    }
    int64_t integer;
    cr_assert_eq(json_integer(NULL, &integer), FARM_EINVAL);
    json *written = json_new_object();
    json_add_integer(written, "n", -5);
    json_add_integer(written, "large", INT64_MAX);
    cr_assert_eq(json_integer(json_member(written, "n"), &integer), FARM_OK);
    cr_assert_eq(integer, -5);
    cr_assert_eq(json_integer(json_member(written, "large"), &integer), FARM_EINVAL);
    json_free(written);
}

Test(json, members_are_found_by_their_exact_name) {
    json *value = parse("{\"name\":\"f\\u00e9\",\"Name\":1,\"yes\":true,\"no\":false,\"\":\"e\"}");

    cr_assert_str_eq(json_text(json_member(value, "name")), "f\xC3\xA9");
    cr_assert_null(json_text(json_member(value, "Name")));
    cr_assert_null(json_member(value, "NAME"));
    cr_assert_str_eq(json_text(json_member(value, "")), "e");
    cr_assert_eq(json_is_true(json_member(value, "yes")), 1);
    cr_assert_eq(json_is_true(json_member(value, "no")), 0);
    cr_assert_eq(json_is_true(json_member(value, "name")), 0);
    cr_assert_eq(json_is_true(json_member(value, "absent")), 0);
    cr_assert_null(json_member(json_member(value, "absent"), "a"));
    cr_assert_null(json_member(json_member(value, "yes"), "a"));
    cr_assert_null(json_text(NULL));
    json_free(value);
    json *array = parse("[1]");
    cr_assert_null(json_member(array, "a"));
    json_free(array);
    json_free(NULL);
}

Test(json, what_is_written_is_compact_and_in_the_order_of_writing) {
    json *root = json_new_object();
    json_add_boolean(root, "ok", 1);
    json_add_boolean(root, "bad", 0);
    json_add_number(root, "latency_ms", 0.25);
    json_add_text(root, "text", "\"\\\n\x01\xC3\xA9/");
    json_add_text(root, "none", NULL);
    json *list = json_add_array(root, "checks");
    for (int64_t i = 0; i < 2; i++) json_add_integer(json_append_object(list), "n", i);
    json_add_array(root, "empty");
    json_add_text(json_add_object(root, "inner"), "k", "v");
    json_add_number(root, "nan", NAN);
    json_add_number(root, "infinite", -INFINITY);
    json_add_number(root, "largest", DBL_MAX);
    json_add_number(root, "us", 1645557742123456.0);
    json_add_number(root, "huge", 1e300);

    expect_printed(root, "{\"ok\":true,\"bad\":false,\"latency_ms\":0.25,"
                         "\"text\":\"\\\"\\\\\\n\\u0001\xC3\xA9/\",\"none\":null,"
                         "\"checks\":[{\"n\":0},{\"n\":1}],\"empty\":[],\"inner\":{\"k\":\"v\"},"
                         "\"nan\":null,\"infinite\":null,\"largest\":1.7976931348623157e+308,"
                         "\"us\":1645557742123456,\"huge\":1e+300}");
    json_free(root);
}

Test(json, integers_of_64_bits_are_written_to_the_last_digit) {
    static const struct {
        int64_t integer;
        const char *text;
    } cases[] = {
        {INT64_MAX, "{\"n\":9223372036854775807}"},
        {INT64_MIN, "{\"n\":-9223372036854775808}"},
        {INT64_C(9007199254740993), "{\"n\":9007199254740993}"},
        {0, "{\"n\":0}"},
        {-1, "{\"n\":-1}"},
    };

    for (size_t i = 0; i < 5; i++) {
        json *root = json_new_object();
        json_add_integer(root, "n", cases[i].integer);
        expect_printed(root, cases[i].text);
        json_free(root);
    }
}

Test(json, what_was_read_is_written_again) {
    static const char *const texts[] = {
        "{\"a\":[1,2.5,-3],\"b\":{\"c\":null},\"d\":\"\xF0\x9F\x9A\x9C\"}",
        "[]",
        "\"x\"",
        "true",
        "9007199254740991",
        "-0.1",
        "[1.7976931348623157e+308,-1.7976931348623157e+308]",
        "[1e-07,0.1,0.30000000000000004,4.94065645841247e-324]",
        "[1645557742123456,-9007199254740991,2147483648,-2147483649,2147483647]"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        json *value = parse(texts[i]);
        expect_printed(value, texts[i]);
        json_free(value);
    }
}
