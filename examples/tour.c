/* The tour: what the library does, told as a story that really happens on a store. FARM_URI names
 * another store than the embedded one, such as postgresql://…; the story is the same. */
#include <farmcore/farmcore.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Stop at the first thing that goes otherwise than the story says. */
static void must(farm_session *session, farm_status status, const char *what) {
    if (status == FARM_OK) return;
    fprintf(stderr, "tour: %s: %s (%s)\n", what, farm_session_error_text(session),
            farm_status_name(status));
    exit(EXIT_FAILURE);
}

static void must_be(int condition, const char *what) {
    if (condition) return;
    fprintf(stderr, "tour: it should have been so: %s\n", what);
    exit(EXIT_FAILURE);
}

/* A name that no earlier run has used, so that the story is the same on a store that is kept. */
static const char *fresh(farm_session *session, const char *name, char *out, size_t out_size) {
    farm_id id;
    char text[FARM_ID_TEXT_SIZE];
    farm_id_new(session, &id);
    farm_id_to_text(&id, text);
    snprintf(out, out_size, "%s-%s", name, text);
    return out;
}

static void open_store(farm_session *session) {
    const char *uri = getenv("FARM_URI");
    if (uri == NULL) uri = "sqlite::memory:";
    must(session, farm_session_open(session, uri, NULL), "open the store");
    must(session, farm_migrate(session), "migrate");
    must(session, farm_session_set_service(session), "act as the service");

    char *health = NULL;
    must(session, farm_health(session, 5 * 1000 * 1000, &health), "ask for its health");
    must_be(strstr(health, "\"ok\":true") != NULL, health);
    printf("The store is open and migrated: %s on %s, and healthy.\n\n",
           strstr(health, "sqlite") != NULL ? "SQLite" : "Postgres",
           getenv("FARM_URI") == NULL ? "memory" : "FARM_URI");
    farm_free(health);
}

static void limit_sign_ins(farm_session *session) {
    char user[80];
    const farm_rate_limit limits[] = {
        {.struct_size = sizeof *limits,
         .name = "tour-user",
         .scope = FARM_RATE_SCOPE_USER,
         .burst = 3,
         .count = 3,
         .period_us = 60 * 1000000},
        {.struct_size = sizeof *limits,
         .name = "tour-address",
         .scope = FARM_RATE_SCOPE_ADDRESS,
         .count = 600,
         .period_us = 60 * 1000000},
    };
    must(session, farm_rate_define(session, limits, 2), "define the limits");
    printf("A user may sign in 3 times at once and then 3 times a minute;\n"
           "an address 600 times a minute. Both are taken together, or neither.\n");

    fresh(session, "ana", user, sizeof user);
    const farm_rate_request requests[] = {
        {.struct_size = sizeof *requests, .limit = "tour-user", .subject = user, .cost = 1},
        {.struct_size = sizeof *requests,
         .limit = "tour-address",
         .subject = "2001:db8::7",
         .cost = 1},
    };
    farm_rate_state states[2] = {{.struct_size = sizeof *states}, {.struct_size = sizeof *states}};
    farm_rate_decision decision = {.struct_size = sizeof decision, .allowed = 1};
    for (int attempt = 1; attempt <= 4; attempt++) {
        must(session, farm_rate_take(session, requests, 2, states, &decision), "take");
        must_be(decision.allowed == (attempt <= 3), "three attempts are allowed, the fourth not");
        if (decision.allowed)
            printf("  attempt %d: let in, %" PRId64 " left\n", attempt, states[0].remaining);
        else
            printf("  attempt %d: refused by \"%s\", try again in %" PRId64 " s\n", attempt,
                   requests[decision.decided_index].limit,
                   (decision.retry_after_us + 999999) / 1000000);
    }
    char *headers = NULL;
    must(session, farm_rate_headers(session, requests, 2, states, &decision, &headers), "headers");
    printf("The refused caller is told:\n%s\n", headers);
    farm_free(headers);
}

static void guard_the_bank(void) {
    const farm_breaker_options bank = {.struct_size = sizeof bank, .consecutive_count = 3};
    farm_breakers *breakers = NULL;
    farm_breaker_permit permit = {.struct_size = sizeof permit};
    int asked = 0;
    must_be(farm_breakers_new(NULL, NULL, &breakers) == FARM_OK &&
                farm_breaker_define(breakers, "bank", &bank, NULL) == FARM_OK,
            "a breaker is made");
    for (int payment = 1; payment <= 100; payment++) {
        must_be(farm_breaker_allow(breakers, "bank", &permit) == FARM_OK, "allow");
        if (!permit.allowed) continue;
        asked++;
        must_be(farm_breaker_report(breakers, &permit, FARM_BREAKER_FAILURE, -1) == FARM_OK,
                "report");
    }
    must_be(asked == 3, "the bank was asked three times");
    printf("The bank is down. Of 100 payments %d ask it; the others are told at once to come back\n"
           "in %" PRId64 " s, and nobody waits.\n\n",
           asked, (permit.retry_after_us + 999999) / 1000000);
    farm_breakers_free(breakers);
}

/* One take of one limit: whether it is allowed, and what it said. */
static int take_one(farm_session *session, const char *limit, const char *subject,
                    farm_rate_decision *decision) {
    const farm_rate_request request = {
        .struct_size = sizeof request, .limit = limit, .subject = subject, .cost = 1};
    farm_rate_state state = {.struct_size = sizeof state};
    *decision = (farm_rate_decision){.struct_size = sizeof *decision};
    must(session, farm_rate_take(session, &request, 1, &state, decision), "take one");
    return decision->allowed;
}

static void count_days_and_holds(farm_session *session) {
    char user[80];
    const farm_rate_limit limits[] = {
        {.struct_size = sizeof *limits,
         .name = "tour-day",
         .algorithm = FARM_RATE_ALGORITHM_WINDOW,
         .count = 1000,
         .calendar = FARM_RATE_CALENDAR_DAY,
         .zone = "CET-1CEST,M3.5.0,M10.5.0/3"},
        {.struct_size = sizeof *limits,
         .name = "tour-exports",
         .algorithm = FARM_RATE_ALGORITHM_CONCURRENCY,
         .count = 1,
         .period_us = INT64_C(600) * 1000000},
    };
    farm_rate_decision decision;
    fresh(session, "dan", user, sizeof user);
    const farm_rate_override ban = {.struct_size = sizeof ban,
                                    .rule = FARM_RATE_RULE_BAN,
                                    .limit = "tour-day",
                                    .subject = user};
    const farm_rate_request export = {
        .struct_size = sizeof export, .limit = "tour-exports", .subject = user, .cost = 1};
    must(session, farm_rate_define(session, limits, 2), "define a quota and holds");

    must_be(take_one(session, "tour-day", user, &decision), "the first of 1,000 today");
    must(session, farm_rate_override_put(session, &ban, 1), "ban Dan");
    must_be(!take_one(session, "tour-day", user, &decision) && decision.is_never, "he is banned");
    must(session, farm_rate_override_remove(session, &ban, 1), "forgive Dan");
    must_be(take_one(session, "tour-day", user, &decision), "the second");
    printf("Dan may call 1,000 times each day of Berlin; banned in between, he is refused.\n");

    must_be(take_one(session, "tour-exports", user, &decision), "an export begins");
    const farm_id held = decision.token;
    must_be(!take_one(session, "tour-exports", user, &decision), "no two at once");
    must(session, farm_rate_release(session, &held, &export, 1), "the export is done");
    must_be(take_one(session, "tour-exports", user, &decision), "the next one begins");
    printf("He exports once at a time: the second waits until the first is done.\n\n");
}

static void place_order_once(farm_session *session) {
    static const char request[] = "{\"sku\":\"apples\",\"quantity\":3}";
    static const char answer[] = "{\"order\":1}";
    char key[80];
    fresh(session, "order", key, sizeof key);
    for (int time = 1; time <= 2; time++) {
        farm_idempotency *claim = NULL;
        must(session, farm_begin(session), "begin");
        must(session,
             farm_idempotency_begin(session, "ana", key, "POST /orders", request,
                                    sizeof request - 1, NULL, &claim),
             "claim the key");
        if (farm_idempotency_outcome(claim) == FARM_IDEMPOTENCY_EXECUTE) {
            must_be(time == 1, "only the first request does the work");
            must(session, farm_idempotency_finish(session, claim, 201, answer, sizeof answer - 1),
                 "finish");
            printf("Ana orders apples: the work is done and answered %d.\n", 201);
        } else {
            size_t size = 0;
            const char *data = farm_idempotency_data(claim, &size);
            must_be(time == 2 && size == sizeof answer - 1, "the second gets the answer");
            printf("Her phone sends it again: answered %d %.*s without any work.\n",
                   farm_idempotency_code(claim), (int)size, data);
        }
        farm_idempotency_free(claim);
        must(session, farm_commit(session), "commit");
    }
    printf("\n");
}

static void ask_for_permission(farm_session *session) {
    char shop[80];
    fresh(session, "shop", shop, sizeof shop);
    must(session, farm_role_found(session, shop, "ana"), "found the shop");
    must(session, farm_role_grant(session, shop, "bob", FARM_ROLE_MEMBER, 0), "grant");
    printf("Ana owns a shop, and Bob is a member of it.\n");

    must(session, farm_session_set_actor(session, "bob"), "act as Bob");
    must(session, farm_role_check(session, shop, FARM_ROLE_WRITE), "Bob may write");
    farm_status status = farm_role_grant(session, shop, "eve", FARM_ROLE_MEMBER, 0);
    must_be(status == FARM_EDENIED, "a member may not grant");
    printf("  Bob lets Eve in: refused: %s.\n", farm_session_error_text(session));

    must(session, farm_session_set_actor(session, "ana"), "act as Ana");
    must(session, farm_role_grant(session, shop, "eve", FARM_ROLE_VIEWER, 0), "Ana grants");
    printf("  Ana lets Eve look around: done.\n");
    status = farm_role_revoke(session, shop, "ana", FARM_ROLE_OWNER);
    must_be(status == FARM_EREFUSED, "the last owner stays");
    printf("  Ana leaves the shop: refused: %s.\n\n", farm_session_error_text(session));
    must(session, farm_session_set_service(session), "act as the service");
}

enum { BOOK = 97 }; /* its number; of a store that is kept, each run has accounts of its own */

static farm_id open_account(farm_session *session, uint32_t flags) {
    farm_ledger_account account = {
        .struct_size = sizeof account, .flags = flags, .code = 1, .book = BOOK};
    farm_ledger_account_result result = {.struct_size = sizeof result};
    farm_id_new(session, &account.id);
    must(session, farm_ledger_open_accounts(session, &account, 1, &result), "open an account");
    must_be(result.status == FARM_LEDGER_ACCOUNT_CREATED, "the account is new");
    return account.id;
}

static farm_ledger_transfer transfer_of(farm_session *session, farm_id debit, farm_id credit,
                                        int64_t amount_minor, uint32_t flags) {
    farm_ledger_transfer made = {.struct_size = sizeof made,
                                 .flags = flags,
                                 .debit_account_id = debit,
                                 .credit_account_id = credit,
                                 .amount_minor = amount_minor,
                                 .book = BOOK,
                                 .code = 1};
    farm_id_new(session, &made.id);
    return made;
}

static void post(farm_session *session, const farm_ledger_transfer *transfer, int32_t expected,
                 farm_ledger_transfer_result *out) {
    *out = (farm_ledger_transfer_result){.struct_size = sizeof *out};
    must(session, farm_ledger_post(session, transfer, 1, out), "post");
    must_be(out->status == expected, farm_ledger_transfer_status_name(out->status));
}

/* What an account has, less what is held of it, as one writes it. */
static const char *left(const farm_ledger_balances *balances, char *out, size_t out_size) {
    const int64_t minor = balances->credits_posted_minor - balances->debits_posted_minor -
                          balances->debits_pending_minor;
    const int64_t size = minor < 0 ? -minor : minor;
    snprintf(out, out_size, "%s%" PRId64 ".%02d EUR", minor < 0 ? "-" : "", size / 100,
             (int)(size % 100));
    return out;
}

/* An account's history, each line with what it left. */
static void print_statement(farm_session *session, farm_id account) {
    farm_ledger_query query = {.struct_size = sizeof query, .account_id = account};
    farm_ledger_event rows[2] = {{.struct_size = sizeof *rows}, {.struct_size = sizeof *rows}};
    char text[40];
    size_t line = 0;
    size_t count = 0;
    printf("  Her statement, two lines at a time:");
    do {
        must(session,
             farm_ledger_query_transfers(session, &query, rows, 2, &count, &query.cursor_ns),
             "read her history");
        for (size_t i = 0; i < count; i++) {
            const int is_debit = memcmp(&rows[i].debit_account_id, &account, sizeof account) == 0;
            printf("%s %s", line++ == 0 ? "" : ",",
                   left(is_debit ? &rows[i].debit : &rows[i].credit, text, sizeof text));
        }
    } while (query.cursor_ns != 0);
    must_be(line == 5, "a sale, a hold and its end, what came back and what was lent");
    printf(".\n");
}

/* A part of the basket comes back, and she is lent something. */
static void give_back_and_lend(farm_session *session, const farm_ledger_transfer *sale,
                               const farm_ledger_transfer *second) {
    farm_ledger_transfer back = {
        .struct_size = sizeof back, .reversed_id = sale->id, .amount_minor = 200, .code = 2};
    farm_ledger_transfer again = *second;
    farm_ledger_transfer_result result;
    char text[40];
    farm_id_new(session, &back.id);
    farm_id_new(session, &again.id);
    post(session, &back, FARM_LEDGER_TRANSFER_CREATED, &result);
    printf("  A cup comes back: 2.00 EUR of the sale are reversed, and she has %s.\n",
           left(&result.debit, text, sizeof text));
    must(session, farm_ledger_change_credit_limit(session, &second->debit_account_id, 0, 1000),
         "lend");
    post(session, &again, FARM_LEDGER_TRANSFER_CREATED, &result);
    printf("  The market lends her up to 10.00 EUR, and now the 5.00 are paid: %s.\n",
           left(&result.debit, text, sizeof text));
}

/* Her card, and the book as those follow it who keep their own sums. */
static void seal_the_book(farm_session *session, farm_id account) {
    const farm_ledger_period always = {.struct_size = sizeof always, .account_id = account};
    farm_ledger_total total = {.struct_size = sizeof total};
    farm_ledger_seal seal = {.struct_size = sizeof seal};
    farm_ledger_seal last = {.struct_size = sizeof last};
    farm_ledger_event event = {.struct_size = sizeof event};
    size_t count = 0;
    must(session, farm_ledger_seal_events(session, BOOK, 1000, &seal), "seal");
    must(session, farm_ledger_verify_seals(session, BOOK, &seal, 1, &last), "check the seal");
    must(session, farm_ledger_follow(session, BOOK, seal.first_sequence - 1, &event, 1, &count),
         "follow");
    must_be(seal.event_count == 10 && count == 1 && last.number == seal.number, "all are sealed");
    must(session, farm_ledger_sum_periods(session, &always, 1, &total), "sum");
    must_be(total.credits_minor == 1250 && total.debits_minor == 1700, "12.50 came, 17.00 went");
    printf("  Her card: 12.50 EUR came and 17.00 EUR went in %" PRId64
           " transfers. The book's last ten events are sealed: %02x%02x%02x%02x…\n",
           total.event_count, seal.hash[0], seal.hash[1], seal.hash[2], seal.hash[3]);
}

/* The sale is invoiced, and the cup that came back credited: the next numbers of a series. */
static void invoice_the_sale(farm_session *session, farm_id ana, farm_id sale) {
    char series[64];
    farm_ledger_invoice items[] = {
        {.struct_size = sizeof *items, .line_count = 1, .account_id = ana, .book = BOOK},
        {.struct_size = sizeof *items, .line_count = 1, .book = BOOK}};
    const farm_ledger_invoice_line lines[] = {{.struct_size = sizeof *lines,
                                               .tax_rate_ppm = 190000,
                                               .transfer_id = sale,
                                               .amount_minor = 1250,
                                               .tax_minor = 200,
                                               .text = "A basket"},
                                              {.struct_size = sizeof *lines,
                                               .corrected_line = 1,
                                               .amount_minor = 200,
                                               .tax_minor = 32,
                                               .text = "A cup came back"}};
    farm_ledger_invoice_result results[2] = {{.struct_size = sizeof *results},
                                             {.struct_size = sizeof *results}};
    fresh(session, "R", series, sizeof series);
    farm_id_new(session, &items[0].id);
    farm_id_new(session, &items[1].id);
    items[1].corrects_id = items[0].id;
    items[0].series = items[1].series = series;
    for (int i = 0; i < 2; i++)
        must(session, farm_ledger_issue_invoices(session, lines, 2, items, 2, results), "invoice");
    must_be(results[0].number == 1 && results[1].number == 2, "a repeat has the same numbers");
    printf("  The sale is invoice %" PRId64 ", and the cup that came back credit note %" PRId64
           "; sent twice, they keep their numbers.\n",
           results[0].number, results[1].number);
}

/* What two sellers have together is summed when it is asked for. */
static void sum_the_sellers(farm_session *session, farm_id ana, farm_id ben) {
    farm_ledger_group sellers = {.struct_size = sizeof sellers, .book = BOOK};
    farm_id_new(session, &sellers.id);
    const farm_ledger_member members[] = {
        {.struct_size = sizeof *members, .group_id = sellers.id, .account_id = ana},
        {.struct_size = sizeof *members, .group_id = sellers.id, .account_id = ben}};
    farm_ledger_group_total total = {.struct_size = sizeof total};
    char text[40];
    must(session, farm_ledger_open_groups(session, &sellers, 1), "open a group");
    must(session, farm_ledger_group_accounts(session, members, 2), "fill it");
    must(session, farm_ledger_sum_groups(session, &sellers.id, 1, &total), "sum it");
    must_be(total.account_count == 2 && total.balances.credits_posted_minor == 4250, "42.50 came");
    printf("  Ana and Ben together sold for 42.50 EUR and have %s.\n",
           left(&total.balances, text, sizeof text));
}

/* A run pays those who have something, once, however often it is made. */
static void run_payouts(farm_session *session, farm_id buyers, farm_id bank, farm_id ana) {
    const farm_id ben = open_account(session, FARM_LEDGER_ACCOUNT_DEBITS_MUST_NOT_EXCEED_CREDITS);
    const farm_ledger_transfer sale = transfer_of(session, buyers, ben, 3000, 0);
    const farm_ledger_payout_rules rules = {
        .struct_size = sizeof rules, .book = BOOK, .minimum_minor = 1000, .fee_minor = 25};
    const farm_ledger_payee payees[] = {{.struct_size = sizeof *payees, .account_id = ana},
                                        {.struct_size = sizeof *payees, .account_id = ben}};
    const farm_ledger_payout_outcome arrived = {
        .struct_size = sizeof arrived, .outcome = FARM_LEDGER_OUTCOME_PAID, .account_id = ben};
    farm_ledger_payout_run run = {.struct_size = sizeof run,
                                  .code = 1,
                                  .clearing_account_id = bank,
                                  .fee_account_id = buyers};
    farm_ledger_payout paid[2] = {{.struct_size = sizeof *paid}, {.struct_size = sizeof *paid}};
    farm_ledger_transfer_result result = {.struct_size = sizeof result};
    farm_id_new(session, &run.id);
    post(session, &sale, FARM_LEDGER_TRANSFER_CREATED, &result);
    for (int i = 0; i < 2; i++)
        must(session, farm_ledger_hold_payouts(session, &run, &rules, payees, 2, paid), "hold");
    must_be(paid[0].reason == FARM_LEDGER_PAYOUT_NOTHING && paid[1].amount_minor == 3000,
            "Ana has nothing, and Ben 30.00");
    must(session, farm_ledger_settle_payouts(session, BOOK, &run.id, &arrived, 1, &result),
         "settle");
    must_be(result.amount_minor == 2975 && result.debit.debits_pending_minor == 25, "paid");
    printf(
        "  The monthly run, made twice: Ben's 30.00 EUR are held once and arrive, 0.25 of them the"
        " fee; Ana owes, and gets nothing.\n");
    sum_the_sellers(session, ana, ben);
}

static farm_status export_account(farm_session *session, farm_id account, size_t *out_size) {
    static char piece[FARM_LEDGER_EXPORT_SIZE_MIN];
    const farm_ledger_query query = {
        .struct_size = sizeof query, .account_id = account, .book = BOOK};
    int64_t cursor_ns = 0;
    return farm_ledger_export_next(session, &query, FARM_LEDGER_FORMAT_CSV, piece, sizeof piece,
                                   out_size, &cursor_ns);
}

/* Whoever has a role for an account's owner may take its history home, as often as a limit says. */
static void export_behind_a_limit(farm_session *session, farm_id account) {
    char subject[FARM_ID_TEXT_SIZE];
    const farm_ledger_owner owner = {
        .struct_size = sizeof owner, .account_id = account, .entity = "ana"};
    const farm_rate_limit limit = {.struct_size = sizeof limit,
                                   .name = "tour_statement",
                                   .count = 1,
                                   .period_us = INT64_C(86400) * 1000000};
    const farm_rate_request request = {
        .struct_size = sizeof request, .limit = limit.name, .subject = subject, .cost = 1};
    farm_rate_state state = {.struct_size = sizeof state};
    farm_rate_decision decision = {.struct_size = sizeof decision};
    size_t size = 0;
    farm_id_to_text(&account, subject);
    must(session, farm_rate_define(session, &limit, 1), "define the limit");
    must(session, farm_ledger_assign_owners(session, &owner, 1), "it is Ana's account");
    must(session, farm_session_set_actor(session, "bob"), "act as Bob");
    must_be(export_account(session, account, &size) == FARM_EDENIED, "Bob has no role for it");
    must(session, farm_session_set_actor(session, "ana"), "act as Ana");
    must(session, farm_rate_take(session, &request, 1, &state, &decision), "take");
    must_be(decision.allowed, "the first of the day");
    must(session, export_account(session, account, &size), "export");
    must(session, farm_rate_take(session, &request, 1, &state, &decision), "take");
    must_be(!decision.allowed, "the second of the day");
    must(session, farm_session_set_service(session), "act as the service");
    printf("  Ana takes her history home, %zu bytes of it, once a day; Bob may not.\n\n", size);
}

static void pay_the_seller(farm_session *session) {
    const farm_ledger_book book = {
        .struct_size = sizeof book, .scale = 2, .book = BOOK, .asset = "EUR"};
    char text[40];
    must(session, farm_ledger_open_books(session, &book, 1), "open the book");
    const farm_id buyers = open_account(session, 0);
    const farm_id bank = open_account(session, 0);
    const farm_id ana = open_account(session, FARM_LEDGER_ACCOUNT_DEBITS_MUST_NOT_EXCEED_CREDITS);
    const farm_ledger_transfer sale = transfer_of(session, buyers, ana, 1250, 0);
    const farm_ledger_transfer payout = transfer_of(session, ana, bank, 1000, FARM_LEDGER_PENDING);
    const farm_ledger_transfer second = transfer_of(session, ana, bank, 500, 0);
    farm_ledger_transfer paid =
        transfer_of(session, ana, bank, FARM_LEDGER_AMOUNT_MAX, FARM_LEDGER_POST_PENDING_TRANSFER);
    farm_ledger_transfer_result result;
    paid.pending_id = payout.id;

    post(session, &sale, FARM_LEDGER_TRANSFER_CREATED, &result);
    printf("Ana's shop sells a basket: she has %s.\n", left(&result.credit, text, sizeof text));
    post(session, &payout, FARM_LEDGER_TRANSFER_CREATED, &result);
    printf("  She wants 10.00 EUR on her bank account: held, and she may spend %s.\n",
           left(&result.debit, text, sizeof text));
    post(session, &paid, FARM_LEDGER_TRANSFER_CREATED, &result);
    printf("  The bank has said yes: the hold is posted, and %s stay.\n",
           left(&result.debit, text, sizeof text));
    post(session, &second, FARM_LEDGER_TRANSFER_EXCEEDS_CREDITS, &result);
    printf("  She wants 5.00 EUR more: refused: %s.\n",
           farm_ledger_transfer_status_text(result.status));
    post(session, &sale, FARM_LEDGER_TRANSFER_EXISTS, &result);
    printf("  The sale is sent again: %s.\n", farm_ledger_transfer_status_text(result.status));

    farm_ledger_account found = {.struct_size = sizeof found};
    must(session, farm_ledger_find_accounts(session, &ana, 1, &found), "look at her account");
    must_be(found.version == 3 && found.balances.credits_posted_minor == 1250, "nothing changed");
    printf("  She still has %s.\n", left(&found.balances, text, sizeof text));
    give_back_and_lend(session, &sale, &second);
    print_statement(session, ana);
    invoice_the_sale(session, ana, sale.id);
    run_payouts(session, buyers, bank, ana);
    seal_the_book(session, ana);
    export_behind_a_limit(session, ana);
}

/* What is logged says nothing about anybody. */
static void log_without_names(void) {
    static const char line[] = "ana@example.com paid with 4111 1111 1111 1111, password=hunter2";
    char text[128];
    size_t size = 0;
    must_be(farm_redact_text(NULL, line, sizeof line - 1, text, sizeof text, &size, NULL) ==
                    FARM_OK &&
                size <= sizeof text,
            "there is room");
    must_be(memcmp(text, "[email] paid", 12) == 0, "no name is left");
    printf("A line for the log: %.*s\n\n", (int)size, text);
}

static void check_all(farm_session *session) {
    char *report = NULL;
    must(session, farm_verify(session, &report), "verify");
    must_be(strstr(report, "\"ok\":true") != NULL, report);
    printf("Everything that must never be false was recomputed from the rows, and holds.\n");
    farm_free(report);
}

int main(void) {
    farm_session *session = NULL;
    if (farm_session_new(&session) != FARM_OK) return EXIT_FAILURE;
    open_store(session);
    limit_sign_ins(session);
    count_days_and_holds(session);
    guard_the_bank();
    place_order_once(session);
    ask_for_permission(session);
    pay_the_seller(session);
    log_without_names();
    check_all(session);
    farm_session_free(session);
    return EXIT_SUCCESS;
}
