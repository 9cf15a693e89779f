/* What decisions of rate limits say over HTTP, to the letter: header fields, those that were usual
 * before there was a draft, problem bodies; and what is said of a limit of which nothing is known.
 */
#include "rate_limits.h"
#include <criterion/criterion.h>
#include <string.h>

TestSuite(rate_reply, .init = define_limits, .fini = close_session, .timeout = 60);

typedef farm_status (*reply_function)(farm_session *from, const farm_rate_request *items,
                                      size_t count, const farm_rate_state *results,
                                      const farm_rate_decision *decided, char **out_text);

static void expect(reply_function function, const farm_rate_request *items, size_t count,
                   const char *expected) {
    char *text = NULL;
    cr_assert_eq(function(session, items, count, states, &decision, &text), FARM_OK, "%s",
                 farm_session_error_text(session));
    cr_assert_str_eq(text, expected);
    farm_free(text);
}

Test(rate_reply, headers_say_what_was_decided) {
    const farm_rate_request items[] = {request_of("user", "ann", 2),
                                       request_of("ip", "192.0.2.1", 1)};
    take_all(items, 2);
    expect(farm_rate_headers, items, 2,
           "RateLimit-Policy: \"user\";q=5;w=5, \"ip\";q=3;w=60\r\n"
           "RateLimit: \"user\";r=3;t=2, \"ip\";r=2;t=20\r\n");

    take_all(items, 2);
    take_all(items, 2);

    cr_assert_not(decision.allowed);
    expect(farm_rate_headers, items, 2,
           "RateLimit-Policy: \"user\";q=5;w=5, \"ip\";q=3;w=60\r\n"
           "RateLimit: \"user\";r=1;t=1, \"ip\";r=1;t=40\r\n"
           "Retry-After: 1\r\n");
    take("user", "zoe", 6);
    const farm_rate_request never = request_of("user", "zoe", 6);
    expect(farm_rate_headers, &never, 1,
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

Test(rate_reply, legacy_headers_tell_of_the_limit_that_decided) {
    const farm_rate_request items[] = {request_of("user", "ann", 2),
                                       request_of("ip", "192.0.2.1", 1)};
    take_all(items, 2);
    expect(farm_rate_legacy_headers, items, 2,
           "X-RateLimit-Limit: 5\r\nX-RateLimit-Remaining: 3\r\nX-RateLimit-Reset: 2\r\n");
    take_all(items, 2);
    expect(farm_rate_legacy_headers, items, 2,
           "X-RateLimit-Limit: 5\r\nX-RateLimit-Remaining: 1\r\nX-RateLimit-Reset: 4\r\n");
    take_all(items, 2);
    cr_assert_not(decision.allowed);
    expect(farm_rate_legacy_headers, items, 2,
           "X-RateLimit-Limit: 5\r\nX-RateLimit-Remaining: 1\r\nX-RateLimit-Reset: 1\r\n"
           "Retry-After: 1\r\n");
}

Test(rate_reply, who_can_never_have_it_is_not_told_to_come_again) {
    const farm_rate_request item = request_of("user", "zoe", 6);
    take_all(&item, 1);
    expect(farm_rate_legacy_headers, &item, 1,
           "X-RateLimit-Limit: 5\r\nX-RateLimit-Remaining: 5\r\nX-RateLimit-Reset: 0\r\n");
}

Test(rate_reply, of_what_is_unknown_nothing_is_said) {
    const farm_rate_request item = request_of("user", "ann", 1);
    char *text = NULL;
    take_all(&item, 1);
    states[0].remaining = -1;
    expect(farm_rate_legacy_headers, &item, 1, "X-RateLimit-Limit: 5\r\n");
    expect(farm_rate_headers, &item, 1, "RateLimit-Policy: \"user\";q=5;w=5\r\n");
    decision.allowed = 0;
    cr_assert_eq(farm_rate_problem(session, &item, 1, states, &decision, &text), FARM_OK);
    cr_assert_null(strstr(text, "-1"));
    farm_free(text);
}

Test(rate_reply, replies_need_their_arguments) {
    static const reply_function functions[] = {farm_rate_headers, farm_rate_legacy_headers,
                                               farm_rate_problem};
    farm_rate_request items[] = {request_of("user", "ann", 1), request_of("a\"b", "ann", 1)};
    char *text = NULL;
    take("user", "ann", 6);

    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const reply_function make = functions[i];
        cr_assert_eq(make(session, NULL, 1, states, &decision, &text), FARM_EINVAL);
        cr_assert_eq(make(session, items, 0, states, &decision, &text), FARM_EINVAL);
        cr_assert_eq(make(session, items, 1, NULL, &decision, &text), FARM_EINVAL);
        cr_assert_eq(make(session, items, 1, states, NULL, &text), FARM_EINVAL);
        cr_assert_eq(make(session, items, 1, states, &decision, NULL), FARM_EINVAL);
        cr_assert_eq(make(session, items, 2, states, &decision, &text), FARM_EINVAL);
        /* Only the first goes by no limit in particular. */
        for (decision.decided_index = -1; decision.decided_index <= 1 && i > 0;
             decision.decided_index += 2)
            cr_assert_eq(make(session, items, 1, states, &decision, &text), FARM_EINVAL);
        decision.decided_index = 0;
    }
    cr_assert_null(text);
}
