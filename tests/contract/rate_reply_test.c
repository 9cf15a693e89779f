/* What decisions of rate limits say over HTTP: header fields and problem bodies, to the letter. */
#include "rate_limits.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(rate_reply, .init = define_limits, .fini = close_session, .timeout = 60);

static void expect_headers(const farm_rate_request *items, size_t count, const char *expected) {
    char *text = NULL;
    cr_assert_eq(farm_rate_headers(session, items, count, states, &decision, &text), FARM_OK, "%s",
                 farm_session_error_text(session));
    cr_assert_str_eq(text, expected);
    farm_free(text);
}

Test(rate_reply, headers_say_what_was_decided) {
    const farm_rate_request items[] = {request_of("user", "ann", 2),
                                       request_of("ip", "192.0.2.1", 1)};
    take_all(items, 2);
    expect_headers(items, 2,
                   "RateLimit-Policy: \"user\";q=5;w=5, \"ip\";q=3;w=60\r\n"
                   "RateLimit: \"user\";r=3;t=2, \"ip\";r=2;t=20\r\n");

    take_all(items, 2);
    take_all(items, 2);

    cr_assert_not(decision.allowed);
    expect_headers(items, 2,
                   "RateLimit-Policy: \"user\";q=5;w=5, \"ip\";q=3;w=60\r\n"
                   "RateLimit: \"user\";r=1;t=1, \"ip\";r=1;t=40\r\n"
                   "Retry-After: 1\r\n");
    take("user", "zoe", 6);
    const farm_rate_request never = request_of("user", "zoe", 6);
    expect_headers(&never, 1,
                   "RateLimit-Policy: \"user\";q=5;w=5\r\nRateLimit: \"user\";r=5;t=0\r\n");
}

Test(rate_reply, a_refusal_has_a_problem_body) {
    const farm_rate_request items[] = {request_of("user", "ann", 4),
                                       request_of("ip", "192.0.2.1", 3)};
    char *text = NULL;
    take_all(items, 2);
    cr_assert_eq(farm_rate_problem(session, items, 2, states, &decision, &text), FARM_EINVAL);
    cr_assert_null(text);
    take_all(items, 2);

    cr_assert_eq(farm_rate_problem(session, items, 2, states, &decision, &text), FARM_OK);

    cr_assert_str_eq(text,
                     "{\"type\":\"https://iana.org/assignments/http-problem-types#quota-exceeded\","
                     "\"title\":\"Request cannot be satisfied as assigned quota has been "
                     "exceeded\",\"status\":429,\"detail\":\"The limit ip has 0 of 3 left. Try "
                     "again in 60 s.\",\"violated-policies\":[\"user\",\"ip\"]}");
    farm_free(text);
    take("user", "ann", 6);
    cr_assert_eq(farm_rate_problem(session, items, 1, states, &decision, &text), FARM_OK);
    cr_assert_not_null(strstr(text, "The limit user never holds more than 5"));
    farm_free(text);
}

Test(rate_reply, replies_need_their_arguments) {
    farm_rate_request items[] = {request_of("user", "ann", 1), request_of("a\"b", "ann", 1)};
    char *text = NULL;
    take("user", "ann", 1);

    cr_assert_eq(farm_rate_headers(session, NULL, 1, states, &decision, &text), FARM_EINVAL);
    cr_assert_eq(farm_rate_headers(session, items, 0, states, &decision, &text), FARM_EINVAL);
    cr_assert_eq(farm_rate_headers(session, items, 1, NULL, &decision, &text), FARM_EINVAL);
    cr_assert_eq(farm_rate_headers(session, items, 1, states, NULL, &text), FARM_EINVAL);
    cr_assert_eq(farm_rate_headers(session, items, 1, states, &decision, NULL), FARM_EINVAL);
    cr_assert_eq(farm_rate_headers(session, items, 2, states, &decision, &text), FARM_EINVAL);
    cr_assert_eq(farm_rate_problem(session, items, 1, states, &decision, NULL), FARM_EINVAL);
    decision.allowed = 0;
    decision.decided_index = 1;
    cr_assert_eq(farm_rate_problem(session, items, 1, states, &decision, &text), FARM_EINVAL);
    cr_assert_null(text);
}
