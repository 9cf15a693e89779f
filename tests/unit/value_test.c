/* Values made and read back. */
#include "base/value.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(value);

Test(value, integers_come_back_as_they_were) {
    static const int64_t integers[] = {0, 1, -1, INT64_MAX, INT64_MIN};

    for (size_t i = 0; i < 5; i++) {
        farm_value value = value_from_integer(integers[i]);
        value_integer back = value_to_nullable(&value);
        cr_assert_eq(value.type, FARM_INTEGER);
        cr_assert_eq(back.integer, integers[i]);
        cr_assert_eq(back.is_null, 0);
    }
}

Test(value, null_is_null_in_every_type) {
    farm_value nulls[] = {
        value_from_nullable((value_integer){7, 1}),
        value_from_text(value_text_of(NULL)),
        value_from_blob(value_blob_of(NULL, 9)),
        value_from_blob(value_blob_of_id(NULL)),
    };

    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(nulls[i].type, FARM_NULL);
        cr_assert_eq(nulls[i].size, 0);
        cr_assert_eq(value_to_nullable(&nulls[i]).is_null, 1);
        cr_assert_null(value_to_text(&nulls[i]).data);
        cr_assert_null(value_to_blob(&nulls[i]).data);
    }
}

Test(value, empty_is_not_null) {
    farm_value text = value_from_text(value_text_of(""));
    farm_value blob = value_from_blob(value_blob_of("", 0));
    farm_value list = value_from_list((value_list){NULL, 0});
    farm_value unaddressed_text = {.type = FARM_TEXT};
    farm_value unaddressed_blob = {.type = FARM_BLOB};

    cr_assert_eq(text.type, FARM_TEXT);
    cr_assert_eq(blob.type, FARM_BLOB);
    cr_assert_eq(list.type, FARM_LIST);
    cr_assert_eq(list.size, 0);
    cr_assert_not_null(value_to_text(&text).data);
    cr_assert_not_null(value_to_blob(&blob).data);
    cr_assert_not_null(value_to_text(&unaddressed_text).data);
    cr_assert_not_null(value_to_blob(&unaddressed_blob).data);
    cr_assert_eq(value_to_text(&unaddressed_text).size, 0);
}

Test(value, text_and_bytes_are_borrowed_with_their_size) {
    static const char text[] = "f\xC3\xA9";
    static const uint8_t bytes[] = {0, 1, 2};
    farm_id id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

    farm_value from_text = value_from_text(value_text_of(text));
    farm_value from_bytes = value_from_blob(value_blob_of(bytes, 3));
    farm_value from_id = value_from_blob(value_blob_of_id(&id));

    cr_assert_eq(from_text.data, (const void *)text);
    cr_assert_eq(from_text.size, 3);
    cr_assert_eq(from_text.reserved, 0);
    cr_assert_eq(value_to_blob(&from_bytes).data, (const void *)bytes);
    cr_assert_eq(value_to_blob(&from_bytes).size, 3);
    cr_assert_eq(from_id.data, (const void *)id.bytes);
    cr_assert_eq(from_id.size, 16);
}

Test(value, a_value_of_another_type_reads_as_null) {
    farm_value integer = value_from_integer(3);
    farm_value text = value_from_text(value_text_of("3"));

    cr_assert_null(value_to_text(&integer).data);
    cr_assert_null(value_to_blob(&text).data);
    cr_assert_eq(value_to_nullable(&text).is_null, 1);
}
