/* The header fields that were usual before there was a draft, to the letter; and what is said of a
 * limit of which nothing is known. */
#include "rate_limits.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(rate_legacy, .init = define_limits, .fini = close_session, .timeout = 60);

static void expect(const farm_rate_request *items, size_t count, const char *expected) {
    char *text = NULL;
    cr_assert_eq(farm_rate_legacy_headers(session, items, count, states, &decision, &text), FARM_OK,
                 "%s", farm_session_error_text(session));
    cr_assert_str_eq(text, expected);
    farm_free(text);
}

Test(rate_legacy, the_limit_that_decided_is_told) {
    const farm_rate_request items[] = {request_of("user", "ann", 2),
                                       request_of("ip", "192.0.2.1", 1)};
    take_all(items, 2);
    expect(items, 2,
           "X-RateLimit-Limit: 5\r\nX-RateLimit-Remaining: 3\r\nX-RateLimit-Reset: 2\r\n");
    take_all(items, 2);
    expect(items, 2,
           "X-RateLimit-Limit: 5\r\nX-RateLimit-Remaining: 1\r\nX-RateLimit-Reset: 4\r\n");
    take_all(items, 2);
    cr_assert_not(decision.allowed);
    expect(items, 2,
           "X-RateLimit-Limit: 5\r\nX-RateLimit-Remaining: 1\r\nX-RateLimit-Reset: 1\r\n"
           "Retry-After: 1\r\n");
}

Test(rate_legacy, who_can_never_have_it_is_not_told_to_come_again) {
    const farm_rate_request item = request_of("user", "zoe", 6);
    take_all(&item, 1);
    expect(&item, 1,
           "X-RateLimit-Limit: 5\r\nX-RateLimit-Remaining: 5\r\nX-RateLimit-Reset: 0\r\n");
}

Test(rate_legacy, of_what_is_unknown_nothing_is_said) {
    const farm_rate_request item = request_of("user", "ann", 1);
    char *text = NULL;
    take_all(&item, 1);
    states[0].remaining = -1;
    expect(&item, 1, "X-RateLimit-Limit: 5\r\n");
    cr_assert_eq(farm_rate_headers(session, &item, 1, states, &decision, &text), FARM_OK);
    cr_assert_str_eq(text, "RateLimit-Policy: \"user\";q=5;w=5\r\n");
    farm_free(text);
    decision.allowed = 0;
    cr_assert_eq(farm_rate_problem(session, &item, 1, states, &decision, &text), FARM_OK);
    cr_assert_null(strstr(text, "-1"));
    farm_free(text);
}

Test(rate_legacy, it_needs_its_arguments) {
    const farm_rate_request item = request_of("user", "ann", 1);
    char *text = NULL;
    take_all(&item, 1);
    cr_assert_eq(farm_rate_legacy_headers(session, NULL, 1, states, &decision, &text), FARM_EINVAL);
    cr_assert_eq(farm_rate_legacy_headers(session, &item, 0, states, &decision, &text),
                 FARM_EINVAL);
    cr_assert_eq(farm_rate_legacy_headers(session, &item, 1, NULL, &decision, &text), FARM_EINVAL);
    cr_assert_eq(farm_rate_legacy_headers(session, &item, 1, states, NULL, &text), FARM_EINVAL);
    cr_assert_eq(farm_rate_legacy_headers(session, &item, 1, states, &decision, NULL), FARM_EINVAL);
    decision.decided_index = -1;
    cr_assert_eq(farm_rate_legacy_headers(session, &item, 1, states, &decision, &text),
                 FARM_EINVAL);
    decision.decided_index = 1;
    cr_assert_eq(farm_rate_legacy_headers(session, &item, 1, states, &decision, &text),
                 FARM_EINVAL);
    cr_assert_null(text);
}
