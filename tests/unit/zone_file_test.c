/* Names of zones: the reader of TZif files on files of our own, whole, cut and altered at every
 * byte, and on the system's where it has them. */
#include "base/civil.h"
#include "base/zone_file.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HEADER_SIZE = 44, IMAGE_SIZE = 512, PATH_SIZE = 96, DAY_S = 86400 };
static const char berlin[] = "CET-1CEST,M3.5.0,M10.5.0/3";

typedef struct image {
    unsigned char bytes[IMAGE_SIZE];
    size_t size;
} image;

static char folder[64];
static const char *folders[2];

static void make_folder(void) {
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof(folder), "%s/zones_XXXXXX", parent == NULL ? "/tmp" : parent);
    cr_assert_not_null(mkdtemp(folder));
    folders[0] = folder;
}

static void path_of(const char *name, char *out) {
    snprintf(out, PATH_SIZE, "%s/%s", folder, name);
}

static void remove_folder(void) {
    static const char *const names[] = {"Zone", "Some/Zone-1", "Some"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[PATH_SIZE];
        path_of(names[i], path);
        remove(path);
    }
    rmdir(folder);
}

TestSuite(zone_file, .init = make_folder, .fini = remove_folder);

static void append(image *file, const void *data, size_t size) {
    cr_assert_leq(file->size + size, (size_t)IMAGE_SIZE);
    memcpy(file->bytes + file->size, data, size);
    file->size += size;
}

/* A header and as many bytes as it announces: one more of each kind than of the kind before. */
static void append_block(image *file, char version, size_t time_size) {
    unsigned char header[HEADER_SIZE] = {'T', 'Z', 'i', 'f', (unsigned char)version};
    for (size_t i = 0; i < 6; i++) header[20 + 4 * i + 3] = (unsigned char)(i + 1);
    append(file, header, sizeof(header));
    static const unsigned char zeros[IMAGE_SIZE] = {0};
    /* UT 1, standard 2, leap 3, times 4, types 5, names 6 */
    append(file, zeros, 1 + 2 + 3 * (time_size + 4) + 4 * (time_size + 1) + 5 * 6 + 6);
}

static image make_image(char version, const char *footer) {
    image file = {.size = 0};
    append_block(&file, version, 4);
    append_block(&file, version, 8);
    append(&file, footer, strlen(footer));
    return file;
}

static void write_file(const char *name, const void *data, size_t size) {
    char path[PATH_SIZE];
    path_of(name, path);
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file, "%s", path);
    cr_assert_eq(fwrite(data, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
}

static const char *find(const char *name, char *out) {
    memset(out, 'x', ZONE_TEXT_SIZE);
    return zone_find_in(folders, 1, name, out);
}

static const char *find_image(const image *file, char *out) {
    write_file("Zone", file->bytes, file->size);
    return find("Zone", out);
}

Test(zone_file, the_footer_of_versions_2_to_4_is_the_text) {
    char path[PATH_SIZE];
    path_of("Some", path);
    cr_assert_eq(mkdir(path, 0700), 0);

    for (char version = '2'; version <= '4'; version++) {
        const image file = make_image(version, "\nCET-1CEST,M3.5.0,M10.5.0/3\n");
        write_file("Some/Zone-1", file.bytes, file.size);
        char out[ZONE_TEXT_SIZE];
        cr_assert_null(find("Some/Zone-1", out));
        cr_assert_str_eq(out, berlin);
    }
    char out[ZONE_TEXT_SIZE];
    cr_assert_not_null(find("Some", out), "a folder");
    cr_assert_str_eq(out, "");
}

Test(zone_file, what_posix_writes_is_taken_as_it_is) {
    char out[ZONE_TEXT_SIZE];
    const image file = make_image('2', "\nXXX5\n");
    write_file("Zone", file.bytes, file.size);

    cr_assert_null(find(berlin, out));
    cr_assert_str_eq(out, berlin);
    cr_assert_null(find("<+0330>-3:30", out));
    cr_assert_str_eq(out, "<+0330>-3:30");
    cr_assert_null(find("", out));
    cr_assert_str_eq(out, "");
    cr_assert_null(find(NULL, out));
    cr_assert_str_eq(out, "");
}

Test(zone_file, utc_needs_no_file) {
    char out[ZONE_TEXT_SIZE];

    cr_assert_null(zone_find_in(NULL, 0, "UTC", out));
    cr_assert_str_eq(out, "UTC0");
    cr_assert_null(zone_find_in(NULL, 0, "Etc/UTC", out));
    cr_assert_str_eq(out, "UTC0");
    cr_assert_str_eq(zone_find_in(NULL, 0, "Europe/Berlin", out),
                     "is not a time zone that this system knows");
    cr_assert_str_eq(out, "");
}

Test(zone_file, the_first_folder_that_has_the_name_decides) {
    const image file = make_image('2', "\nXXX5\n");
    write_file("Zone", file.bytes, file.size);
    char missing[PATH_SIZE];
    path_of("absent", missing);
    char longer[300];
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    const char *const several[] = {missing, longer, folder};

    char out[ZONE_TEXT_SIZE];
    cr_assert_null(zone_find_in(several, 3, "Zone", out));
    cr_assert_str_eq(out, "XXX5");
    cr_assert_not_null(zone_find_in(several, 2, "Zone", out));
}

Test(zone_file, no_name_leads_outside_and_none_is_longer_than_64_bytes) {
    static const char *const names[] = {"/Zone",  "../Zone",    "./Zone", "Some/../Zone",
                                        "Zone/",  "Some//Zone", "Zone\n", "Zo ne",
                                        "Zone\\", "%s",         "Zone.x", "\xC3\xA4"};
    const image file = make_image('2', "\nXXX5\n");
    write_file("Zone", file.bytes, file.size);
    char inner[PATH_SIZE];
    path_of("Some", inner);
    cr_assert_eq(mkdir(inner, 0700), 0);
    folders[0] = inner;
    folders[1] = folder;

    char out[ZONE_TEXT_SIZE];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cr_assert_not_null(zone_find_in(folders, 2, names[i], out), "%s", names[i]);
        cr_assert_str_eq(out, "");
    }
    char name[70];
    memset(name, 'a', sizeof(name));
    name[65] = '\0';
    cr_assert_str_eq(zone_find_in(folders, 2, name, out), "is longer than 64 bytes");
    name[64] = '\0';
    cr_assert_str_eq(zone_find_in(folders, 2, name, out),
                     "is not a time zone that this system knows");
}

Test(zone_file, a_file_without_rules_says_so) {
    static const char *const footers[] = {
        "\n\n", "\nCET-1CEST\n", "\nnonsense\n",
        "\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA0\n"};
    char out[ZONE_TEXT_SIZE];
    for (size_t i = 0; i < 3; i++) {
        const image file = make_image('2', footers[i]);
        cr_assert_str_eq(find_image(&file, out),
                         "is named by the system without rules for the years to come");
        cr_assert_str_eq(out, "");
    }
    const image longer = make_image('2', footers[3]);
    cr_assert_not_null(find_image(&longer, out));
    image old = {.size = 0};
    append_block(&old, 0, 4);
    cr_assert_str_eq(find_image(&old, out),
                     "is named by the system without rules for the years to come");
}

Test(zone_file, the_longest_text_fits) {
    char footer[80] = "\n";
    memset(footer + 1, 'A', 62);
    memcpy(footer + 63, "-1\n", 4);
    const image file = make_image('2', footer);
    char out[ZONE_TEXT_SIZE + 1];
    out[ZONE_TEXT_SIZE] = 'y';

    cr_assert_null(find_image(&file, out));
    cr_assert_eq(strlen(out), 64);
    cr_assert_eq(out[ZONE_TEXT_SIZE], 'y');
}

Test(zone_file, every_cut_is_found) {
    const image whole = make_image('2', "\nCET-1CEST,M3.5.0,M10.5.0/3\n");
    char out[ZONE_TEXT_SIZE];

    cr_assert_null(find_image(&whole, out));
    for (size_t size = 0; size < whole.size; size++) {
        image cut = whole;
        cut.size = size;
        cr_assert_not_null(find_image(&cut, out), "%zu", size);
        cr_assert_str_eq(out, "");
    }
}

Test(zone_file, whatever_a_byte_is_the_answer_is_a_zone_or_a_complaint) {
    static const unsigned char others[] = {0, 1, '\n', '1', '9', 0x7F, 0x80, 0xFF};
    const image whole = make_image('2', "\nCET-1CEST,M3.5.0,M10.5.0/3\n");
    char out[ZONE_TEXT_SIZE];
    size_t refused_count = 0;

    for (size_t at = 0; at < whole.size; at++) {
        for (size_t i = 0; i < sizeof(others); i++) {
            image altered = whole;
            altered.bytes[at] = others[i];
            const char *complaint = find_image(&altered, out);
            zone parsed;
            cr_assert_null(zone_parse(out, &parsed), "%zu", at);
            cr_assert_eq(complaint == NULL, out[0] != '\0', "%zu", at);
            refused_count += complaint != NULL;
        }
    }
    cr_assert_gt(refused_count, 400, "counts, magic and footer are looked at: %zu", refused_count);
}

Test(zone_file, sizes_that_no_file_has_are_refused) {
    char out[ZONE_TEXT_SIZE];
    for (size_t block = 0; block < 2; block++) {
        for (size_t count = 0; count < 6; count++) {
            image file = make_image('2', "\nXXX5\n");
            const size_t first_size = 44 + 3 + 3 * 8 + 4 * 5 + 30 + 6;
            memset(file.bytes + block * first_size + 20 + 4 * count, 0xFF, 4);
            cr_assert_not_null(find_image(&file, out));
        }
    }
    image all = make_image('2', "\nXXX5\n");
    memset(all.bytes + 20, 0xFF, 24);
    cr_assert_not_null(find_image(&all, out));
}

Test(zone_file, a_block_of_a_mebibyte_is_refused_though_it_is_there) {
    enum { LARGE = 1 << 20, LARGE_SIZE = LARGE + 2 * HEADER_SIZE + 8 };
    unsigned char *bytes = calloc(LARGE_SIZE, 1);
    cr_assert_not_null(bytes);
    char out[ZONE_TEXT_SIZE];
    for (size_t excess = 0; excess < 2; excess++) {
        /* Names of abbreviations alone. */
        const size_t block_size = LARGE + excess;
        memset(bytes, 0, LARGE_SIZE);
        memcpy(bytes, "TZif2", 5);
        bytes[41] = (unsigned char)(block_size >> 16);
        bytes[43] = (unsigned char)block_size;
        memcpy(bytes + HEADER_SIZE + block_size, "TZif2", 5);
        memcpy(bytes + 2 * HEADER_SIZE + block_size, "\nXXX5\n", 6);
        write_file("Zone", bytes, LARGE_SIZE);
        cr_assert_eq(find("Zone", out) == NULL, excess == 0);
    }
    free(bytes);
}

Test(zone_file, what_does_not_begin_as_the_format_says_is_refused) {
    char out[ZONE_TEXT_SIZE];
    const size_t second = HEADER_SIZE + 3 + 3 * 8 + 4 * 5 + 30 + 6;
    for (size_t at = 0; at < 4; at++) {
        image file = make_image('2', "\nXXX5\n");
        file.bytes[at] ^= 1;
        cr_assert_not_null(find_image(&file, out));
        file.bytes[at] ^= 1;
        cr_assert_null(find_image(&file, out));
        file.bytes[second + at] ^= 1;
        cr_assert_not_null(find_image(&file, out));
    }
    const image no_line = make_image('2', "XXXX5\n");
    cr_assert_not_null(find_image(&no_line, out));
}

Test(zone_file, a_nul_within_the_footer_is_no_end_of_it) {
    image file = make_image('2', "\nXXX5");
    append(&file, "\0yy\n", 4);
    char out[ZONE_TEXT_SIZE];

    cr_assert_not_null(find_image(&file, out));
}

/* By the digits that the system's clock shows. */
static int64_t system_offset_s(int64_t utc_s) {
    time_t moment = (time_t)utc_s;
    struct tm shown;
    cr_assert_not_null(localtime_r(&moment, &shown));
    int64_t days = civil_to_days(shown.tm_year + 1900, shown.tm_mon + 1, shown.tm_mday);
    return days * DAY_S + shown.tm_hour * 3600 + shown.tm_min * 60 + shown.tm_sec - utc_s;
}

Test(zone_file, the_systems_names_have_the_systems_clocks) {
    static const char *const names[] = {
        "Europe/Berlin",       "Europe/London",     "Europe/Dublin",
        "America/New_York",    "America/St_Johns",  "America/Santiago",
        "America/Asuncion",    "America/Nuuk",      "America/Havana",
        "Asia/Kolkata",        "Asia/Kathmandu",    "Asia/Tehran",
        "Asia/Jerusalem",      "Asia/Beirut",       "Asia/Gaza",
        "Africa/Cairo",        "Africa/Casablanca", "Australia/Sydney",
        "Australia/Lord_Howe", "Pacific/Auckland",  "Pacific/Chatham",
        "Pacific/Apia",        "Pacific/Marquesas", "Antarctica/Troll",
        "Etc/GMT+12",          "Etc/GMT-14",        "America/Argentina/Buenos_Aires",
    };
    char out[ZONE_TEXT_SIZE];
    if (zone_find("Europe/Berlin", out) != NULL) cr_skip_test("the system has no files of zones");

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        zone place;
        const char *complaint = zone_find(names[i], out);
        cr_assert_null(complaint, "%s %s", names[i], complaint);
        cr_assert_null(zone_parse(out, &place), "%s: %s", names[i], out);
        cr_assert_eq(setenv("TZ", names[i], 1), 0);
        tzset();
        /* Files list Morocco's changes one by one until 2087. */
        const int64_t begin_s = (int64_t)civil_to_days(2088, 1, 1) * DAY_S;
        const int64_t end_s = (int64_t)civil_to_days(2199, 12, 31) * DAY_S;
        for (int64_t s = begin_s; s < end_s && (int64_t)(time_t)s == s; s += 7 * 3600)
            cr_assert_eq(zone_offset_s(&place, s), system_offset_s(s), "%s (%s) at %lld", names[i],
                         out, (long long)s);
    }
    cr_assert_null(zone_find("Europe/Berlin", out));
    cr_assert_str_eq(out, berlin);
}
