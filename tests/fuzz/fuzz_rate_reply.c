/* What a decision says over HTTP: whatever the states hold, a field is a line of visible ASCII, and
 * a problem is JSON. */
#include "base/json.h"
#include "fuzz.h"
#include <farmcore/farmcore.h>

enum { STATE_SIZE = 48, DECISION_SIZE = 16 };

static farm_session *open_once(void) {
    static farm_session *session;
    if (session == NULL)
        claim(farm_session_new(&session) == FARM_OK &&
              farm_session_open(session, "sqlite::memory:", NULL) == FARM_OK);
    return session;
}

static void check_fields(const char *text) {
    size_t size = strlen(text);
    claim(size >= 2 && strcmp(text + size - 2, "\r\n") == 0);
    for (size_t i = 0; i < size; i++) {
        int is_end = text[i] == '\r' && text[i + 1] == '\n';
        claim(is_end || (text[i] >= ' ' && text[i] < 127));
        i += (size_t)is_end;
    }
}

static void check_problem(const char *text) {
    json *parsed = NULL;
    const char *complaint = NULL;
    claim(json_parse(text, strlen(text), &parsed, &complaint) == FARM_OK);
    json_free(parsed);
}

/* Names that a limit may have: the others never come from a take. */
static void fill_name(const uint8_t *data, char *out, size_t size) {
    size_t length = 1 + data[0] % (size - 1);
    for (size_t i = 0; i < length; i++) {
        out[i] = (char)('!' + (data[i % STATE_SIZE] + i) % 94);
        if (out[i] == '"' || out[i] == '\\') out[i] = '-';
    }
    out[length] = '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    farm_rate_request items[FARM_RATE_BATCH_MAX];
    farm_rate_state states[FARM_RATE_BATCH_MAX];
    char names[FARM_RATE_BATCH_MAX][FARM_KEY_MAX + 1];
    farm_rate_decision decision = {.struct_size = sizeof decision};
    char *text = NULL;
    if (size < DECISION_SIZE + STATE_SIZE) return 0;
    memcpy(&decision.allowed, data, DECISION_SIZE);
    data += DECISION_SIZE;
    size_t count = (size - DECISION_SIZE) / STATE_SIZE;
    if (count > FARM_RATE_BATCH_MAX) count = FARM_RATE_BATCH_MAX;
    for (size_t i = 0; i < count; i++, data += STATE_SIZE) {
        fill_name(data, names[i], sizeof names[i]);
        items[i] = (farm_rate_request){.struct_size = sizeof items[i], .limit = names[i]};
        states[i].struct_size = sizeof states[i];
        memcpy(&states[i].allowed, data, STATE_SIZE);
    }
    farm_session *session = open_once();
    farm_status status = farm_rate_headers(session, items, count, states, &decision, &text);
    claim(status == FARM_OK || status == FARM_EINVAL);
    if (status == FARM_OK) check_fields(text);
    farm_free(text);
    text = NULL;
    status = farm_rate_problem(session, items, count, states, &decision, &text);
    claim(status == FARM_OK || status == FARM_EINVAL);
    if (status == FARM_OK) check_problem(text);
    farm_free(text);
    return 0;
}
