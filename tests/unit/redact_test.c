/* What is taken out of texts and what stays, as a table; that it is one pass; and that nothing is
 * shown at a cut. */
#include "redact/redact_rules.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(redact);

enum { ROOM = 400, ALL = (1 << 14) - 1, HOSTILE_SIZE = 2 << 20, RANDOM_COUNT = 3000 };

typedef struct text_case {
    const char *text;
    const char *expected; /* NULL: it stays */
} text_case;

static const text_case cases[] = {
    /* mail */
    {"write to bob@example.com now", "write to [email] now"},
    {"<Bob.Smith+tag@mail.example.co.uk>,", "<[email]>,"},
    {"mailto:bob@example.com?x", "mailto:[email]?x"},
    {"x=bob@example.com&y", "x=[email]&y"},
    {"\xc3\xbcmit@b\xc3\xbc"
     "cher.example",
     "[email]"},
    {"bob@example.com.", "[email]."},
    {"a@b.co", "[email]"},
    {"root@localhost", NULL},
    {"@example.com", NULL},
    {"bob@", NULL},
    {"a @ b.co", NULL},
    {"5@6.7", NULL},
    /* networks */
    {"from 192.168.0.1:80", "from [ipv4]:80"},
    {"[10.0.0.255]", "[[ipv4]]"},
    {"256.1.1.1", NULL},
    {"1.2.3.4.5", NULL},
    {"v1.2.3", NULL},
    {"2001:db8::1", "[ipv6]"},
    {"[::1]:443", "[[ipv6]]:443"},
    {"::ffff:1.2.3.4", "[ipv6]"},
    {"fe80::1%eth0", "[ipv6]%eth0"},
    {"12:34:56", NULL},
    {"std::string", NULL},
    {"::", NULL},
    {"00:1a:2B:3c:4d:5e", "[mac]"},
    {"00-1a-2B-3c-4d-5e", "[mac]"},
    {"00:1a:2B:3c:4d:5e:6f", NULL},
    /* numbers */
    {"card 4111 1111 1111 1111 ok", "card [card] ok"},
    {"4111111111111111", "[card]"},
    {"5500-0000-0000-0004", "[card]"},
    {"378282246310005", "[card]"},
    {"4111 1111 1111 1111 12/29", "[card] 12/29"},
    {"4111111111111112", NULL},
    {"1234567812345670", NULL},
    {"x4111111111111111", NULL},
    {"order 100000000000000", NULL},
    {"DE89 3704 0044 0532 0130 00", "[iban]"},
    {"iban:GB82WEST12345698765432.", "iban:[iban]."},
    {"nl91abna0417164300", "[iban]"},
    {"DE89370400440532013001", NULL},
    {"ZZ89370400440532013000", NULL},
    {"078-05-1120", "[ssn]"},
    {"000-05-1120", NULL},
    {"666-05-1120", NULL},
    {"900-05-1120", NULL},
    {"078-00-1120", NULL},
    {"078-05-0000", NULL},
    {"1078-05-1120", NULL},
    {"imei 490154203237518", "imei [imei]"},
    {"id 123e4567-e89b-12d3-a456-426614174000!", "id [uuid]!"},
    {"123e4567-e89b-12d3-a456-42661417400", NULL},
    /* secrets */
    {"postgresql://ann:s3cret@db.example/x", "postgresql://[auth]@db.example/x"},
    {"https://tok@host", "https://[auth]@host"},
    {"https://host/a@b", NULL},
    {"/home"
     "/ann/x and C:\\Users\\Bob\\y",
     "/home"
     "/[user]/x and C:\\Users\\[user]\\y"},
    {"/homes"
     "/ann",
     NULL},
    {"Bearer abcdefgh.ijk", "Bearer [token]"},
    {"the bearer of news", NULL},
    {"sk_live_0123456789abcdef0123", "[token]"},
    {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_123", "[token]"},
    {"eyJhbGciOiJIUzI1NiJ9", NULL},
    {"password=hunter2 x", "password=[password] x"},
    {"PASSWORD: \"hun ter\\\"2\" x", "PASSWORD: \"[password]\" x"},
    {"db_password = a,b", "db_password = [password],b"},
    {"'api-key': 'k'", "'api-key': '[password]'"},
    {"access_token=t&x=1", "access_token=[password]&x=1"},
    {"Authorization: Basic YW5uOng=\r\nHost: x", "Authorization: [password]\r\nHost: x"},
    {"Cookie: a=b; c=d\nx", "Cookie: [password]\nx"},
    {"pin=1234", "pin=[password]"},
    {"spin=1234", NULL},
    {"the password is not here", NULL},
    {"passwords are long", NULL},
    {"password=", NULL},
    {"k: -----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\nx", "k: [pem]\nx"},
    {"-----BEGIN PRIVATE KEY-----\nAAAA", "[pem]"},
    {"----- BEGIN", NULL},
    {"", NULL},
};

static size_t redact(const farm_redact_options *options, const char *text, size_t size, char *out,
                     size_t room) {
    farm_error error;
    size_t needed = 0;
    cr_assert_eq(farm_redact_text(options, text, size, out, room, &needed, &error), FARM_OK, "%s",
                 error.text);
    return needed;
}

static const farm_redact_options all = {.struct_size = sizeof all, .rules = ALL};

static void expect(const farm_redact_options *options, const char *text, const char *expected) {
    char out[ROOM + 1];
    const size_t size = redact(options, text, strlen(text), out, ROOM);
    cr_assert(size <= ROOM);
    out[size] = '\0';
    cr_assert_str_eq(out, expected, "\"%s\" became \"%s\" and not \"%s\"", text, out, expected);
}

Test(redact, each_rule_finds_what_it_should_and_no_more) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *expected = cases[i].expected == NULL ? cases[i].text : cases[i].expected;
        expect(&all, cases[i].text, expected);
        expect(&all, expected, expected);
    }
}

/* Between what may stand around it, each is found or stays as it does alone. */
Test(redact, what_stands_around_it_hides_nothing) {
    static const char *const around[][2] = {
        {"(", ")"}, {"\"", "\""}, {"'", "'"},
        {"{", "}"}, {" ", "\n"},  {"\t", ","},
        {"|", "|"}, {"<", ">"},   {"\xe2\x80\x9c ", " \xe2\x80\x9d"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *expected = cases[i].expected;
        if (expected == NULL || strchr(cases[i].text, ':') != NULL ||
            strchr(cases[i].text, '=') != NULL || strstr(cases[i].text, "BEGIN") != NULL)
            continue;
        for (size_t j = 0; j < sizeof around / sizeof *around; j++) {
            char text[ROOM];
            char wanted[ROOM];
            snprintf(text, sizeof text, "%s%s%s", around[j][0], cases[i].text, around[j][1]);
            snprintf(wanted, sizeof wanted, "%s%s%s", around[j][0], expected, around[j][1]);
            expect(&all, text, wanted);
        }
    }
}

static uint32_t draw(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Cards made at random, with the right last digit, and with each of the nine wrong ones. */
Test(redact, of_ten_last_digits_one_makes_a_card) {
    uint32_t state = 20261127;
    for (int i = 0; i < RANDOM_COUNT; i++) {
        char text[17] = "4";
        for (int j = 1; j < 15; j++) text[j] = (char)('0' + draw(&state) % 10);
        int found = 0;
        for (int last = 0; last < 10; last++) {
            char out[ROOM];
            text[15] = (char)('0' + last);
            const size_t size = redact(NULL, text, 16, out, ROOM);
            found += size == strlen("[card]") && memcmp(out, "[card]", size) == 0;
        }
        cr_assert_eq(found, 1, "seed 20261127, number %d: %.15s?", i, text);
    }
}

Test(redact, nothing_is_shown_at_a_cut) {
    static const char text[] =
        "x \xc3\xbc bob@example.com password=hunter2 4111111111111111 \xe2\x82\xac";
    char whole[ROOM];
    const size_t size = redact(NULL, text, sizeof text - 1, whole, ROOM);
    for (size_t room = 0; room <= size; room++) {
        char out[ROOM];
        memset(out, '#', sizeof out);
        cr_assert_eq(redact(NULL, text, sizeof text - 1, room == 0 ? NULL : out, room), size);
        size_t written = room;
        while (written > 0 && out[written - 1] == '#') written--;
        cr_assert(memcmp(out, whole, written) == 0, "%zu", room);
        cr_assert(written == size || (whole[written] & 0xc0) != 0x80, "half a character");
    }
}

Test(redact, other_actions) {
    farm_redact_options options = {.struct_size = sizeof options,
                                   .action = FARM_REDACT_ACTION_MASK};
    expect(&options, "a bob@x.org b", "a ********* b");
    options.action = FARM_REDACT_ACTION_REMOVE;
    expect(&options, "a bob@x.org b", "a  b");
    options.action = FARM_REDACT_ACTION_HASH;
    /* hmac.new(bytes(range(32)), b"bob@x.org", "sha256").hexdigest()[:16] */
    for (int i = 0; i < FARM_REDACT_KEY_SIZE; i++) options.key[i] = (uint8_t)i;
    expect(&options, "a bob@x.org b", "a [email:703961a308ba53ee] b");
    options.rules = FARM_REDACT_CARD;
    expect(&options, "bob@x.org", "bob@x.org");
}

/* --- hostile texts --- */

static const char *const units[] = {
    "@",          "a@",        "a.a",     "1-",        "1 ",       ":",    "::1 ",      "eyJ.",
    "eyJ/",       "sk-/",      "bearer ", "password ", "password", "a://", "/home/",    "DE89 ",
    "-----BEGIN", "-----END ", "\"",      "'",         "\\",       "=",    "[password", "\xc3",
    "4111 1",     "a:b@",      "0:0:",    "_-",        "%"};

Test(redact, megabytes_of_anything_end) {
    char *text = malloc(HOSTILE_SIZE);
    char *out = malloc((size_t)HOSTILE_SIZE * 4);
    cr_assert(text != NULL && out != NULL);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        const size_t unit = strlen(units[i]);
        for (size_t at = 0; at < HOSTILE_SIZE; at++) text[at] = units[i][at % unit];
        const size_t size = redact(&all, text, HOSTILE_SIZE, out, (size_t)HOSTILE_SIZE * 4);
        cr_assert(size > 0 && size <= (size_t)HOSTILE_SIZE * 4, "%s: %zu", units[i], size);
    }
    free(text);
    free(out);
}

/* --- JSON --- */

static const text_case documents[] = {
    {"{\"mail\": \"bob@example.com\", \"n\": 1.50}", "{\"mail\": \"[email]\", \"n\": 1.50}"},
    {"[\"bob\\u0040example.com\"]", "[\"[email]\"]"},
    {"{\"password\":{\"a\":[1,\"]}\"]},\"x\":1}", "{\"password\":\"[password]\",\"x\":1}"},
    {"{\"api_key\" : 17 }", "{\"api_key\" : \"[password]\" }"},
    {"{\"a\":4111111111111111}", "{\"a\":\"[card]\"}"},
    {"{\"pa\\u0073sword\":\"x\"}", "{\"pa\\u0073sword\":\"[password]\"}"},
    {"{\"keep\":\"bob@example.com\",\"a\":\"bob@example.com\"}",
     "{\"keep\":\"bob@example.com\",\"a\":\"[email]\"}"},
    {"[\"\\\"\\n\\u00fc bob@example.com\"]", "[\"\\\"\\u000a\xc3\xbc [email]\"]"},
    {"\"\\ud83d\\ude00 bob@example.com\"", "\"\xf0\x9f\x98\x80 [email]\""},
    {" \"bob@example.com\" ", " \"[email]\" "},
    {"\"plain\"", NULL},
    {"{\"a\":[true,false,null,-1e5,\"\\u00fc\"]}", NULL},
    {"{}", NULL},
    {"7", NULL},
};

Test(redact, json_keeps_its_form) {
    const farm_redact_options options = {.struct_size = sizeof options, .safe_fields = "x,keep"};
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        const char *text = documents[i].text;
        const char *expected = documents[i].expected == NULL ? text : documents[i].expected;
        char out[ROOM + 1];
        size_t size = 0;
        farm_error error;
        cr_assert_eq(farm_redact_json(&options, text, strlen(text), out, ROOM, &size, &error),
                     FARM_OK, "%s: %s", text, error.text);
        out[size] = '\0';
        cr_assert_str_eq(out, expected, "%s became %s", text, out);
    }
}

Test(redact, misuse_is_a_sentence) {
    char out[8];
    size_t size = 0;
    farm_error error;
    farm_redact_options options = {.struct_size = sizeof options, .rules = 1u << 14};
    cr_assert_eq(farm_redact_text(&options, "x", 1, out, 8, &size, &error), FARM_EINVAL);
    options.rules = 0;
    options.action = 4;
    cr_assert_eq(farm_redact_text(&options, "x", 1, out, 8, &size, &error), FARM_EINVAL);
    options.action = FARM_REDACT_ACTION_HASH;
    cr_assert_eq(farm_redact_text(&options, "x", 1, out, 8, &size, &error), FARM_EINVAL);
    cr_assert_eq(farm_redact_text(NULL, NULL, 1, out, 8, &size, &error), FARM_EINVAL);
    cr_assert_eq(farm_redact_text(NULL, "x", 1, NULL, 8, &size, &error), FARM_EINVAL);
    cr_assert_eq(farm_redact_text(NULL, "x", 1, out, 8, NULL, NULL), FARM_EINVAL);
    cr_assert_eq(farm_redact_text(NULL, NULL, 0, NULL, 0, &size, NULL), FARM_OK);
    cr_assert_eq(size, 0);
    static const char *const broken[] = {"", "{", "[1,]", "\"\xff\"", "\"\\ud800\"", "x"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        cr_assert_eq(farm_redact_json(NULL, broken[i], strlen(broken[i]), out, 8, &size, &error),
                     FARM_EINVAL, "%s", broken[i]);
}
