/* What SQLSTATEs mean, in one table, and the words for them. The server's own words are shown only
 * where they name things of the schema and nothing that was stored or sent; libpq's own never. */
#include "postgres_internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    STATE_SIZE = 5,
    SHOWS_WORDS = 1,   /* the server's words follow ours */
    SHOWS_PLACE = 2,   /* the place in the text follows */
    BLAMES_CALLER = 4, /* FARM_EINVAL when the statement is the host's own */
};

typedef struct state_row {
    const char *state; /* all of it, or how it begins */
    farm_status status;
    int32_t kind;
    uint32_t flags;
    const char *text;
} state_row;

static const char unknown_text[] = "the server failed in an unexpected way";
static const char wrong_text[] = "the statement is wrong";
static const char busy_text[] = "others hold what this needs";
static const char lost_text[] = "the server ended the connection";
static const char limit_text[] = "the server is at one of its limits";

/* The first that fits counts: the whole states of a class stand before the class. */
static const state_row states[] = {
    {"FM001", FARM_EREFUSED, FARM_FAULT_GUARD, 0,
     "a statement met another number of rows than it must"},
    {"23505", FARM_EEXISTS, FARM_FAULT_UNIQUE, 0, "a unique key refuses it"},
    {"23503", FARM_ECONFLICT, FARM_FAULT_FOREIGN, 0, "a foreign key refuses it"},
    {"23001", FARM_ECONFLICT, FARM_FAULT_FOREIGN, 0, "a foreign key refuses it"},
    {"23514", FARM_EREFUSED, FARM_FAULT_CHECK, 0, "a check refuses it"},
    {"23502", FARM_EREFUSED, FARM_FAULT_NULL, 0, "a NULL stands where none may be"},
    {"23P01", FARM_ECONFLICT, FARM_FAULT_OTHER, 0, "it collides with what is there"},
    {"23", FARM_EREFUSED, FARM_FAULT_OTHER, 0, "a constraint refuses it"},
    {"44", FARM_EREFUSED, FARM_FAULT_CHECK, 0, "a view's check refuses it"},
    {"P0001", FARM_EREFUSED, FARM_FAULT_CHECK, 0, "a trigger or function refuses it"},
    {"40001", FARM_EAGAIN, FARM_FAULT_OTHER, 0, "another transaction changed the same first"},
    {"40P01", FARM_EAGAIN, FARM_FAULT_OTHER, 0, "a deadlock with another transaction"},
    {"40003", FARM_EUNCERTAIN, FARM_FAULT_OTHER, 0,
     "the server does not know whether it committed"},
    {"40", FARM_EAGAIN, FARM_FAULT_OTHER, 0, "the server rolled the transaction back"},
    {"55P03", FARM_EAGAIN, FARM_FAULT_OTHER, 0, busy_text},
    {"55006", FARM_EAGAIN, FARM_FAULT_OTHER, 0, busy_text},
    {"57014", FARM_ETIMEOUT, FARM_FAULT_OTHER, 0, "the server was told to end the statement"},
    {"57P03", FARM_EUNAVAILABLE, FARM_FAULT_OTHER, 0, "the server is starting up or shutting down"},
    {"57P", FARM_EUNAVAILABLE, FARM_FAULT_OTHER, 0, lost_text},
    {"08", FARM_EUNAVAILABLE, FARM_FAULT_OTHER, 0, lost_text},
    {"28", FARM_EDENIED, FARM_FAULT_OTHER, 0, "the server refused the user or the password"},
    {"3D000", FARM_EINVAL, FARM_FAULT_OTHER, 0, "the server has no such database"},
    {"42501", FARM_EDENIED, FARM_FAULT_OTHER, SHOWS_WORDS, "the server denies it"},
    {"0LP01", FARM_EDENIED, FARM_FAULT_OTHER, 0, "the server denies it"},
    {"0P000", FARM_EDENIED, FARM_FAULT_OTHER, 0, "the server denies it"},
    {"25006", FARM_EREADONLY, FARM_FAULT_OTHER, 0, "the server takes no writes"},
    {"25P02", FARM_EINVAL, FARM_FAULT_OTHER, 0,
     "the transaction has failed and can only be rolled back"},
    {"25P04", FARM_ETIMEOUT, FARM_FAULT_OTHER, 0, "the transaction's time was over"},
    {"25P", FARM_EUNAVAILABLE, FARM_FAULT_OTHER, 0, lost_text},
    {"53100", FARM_EFULL, FARM_FAULT_OTHER, 0, "the server's disk is full"},
    {"53200", FARM_ENOMEM, FARM_FAULT_OTHER, 0, "the server has no memory for it"},
    {"53300", FARM_EUNAVAILABLE, FARM_FAULT_OTHER, 0, "the server has no connection left"},
    {"53", FARM_EUNAVAILABLE, FARM_FAULT_OTHER, 0, limit_text},
    {"58", FARM_EUNAVAILABLE, FARM_FAULT_OTHER, 0, "the server's files fail"},
    {"XX001", FARM_ECORRUPT, FARM_FAULT_OTHER, 0, "the server's data is damaged"},
    {"XX002", FARM_ECORRUPT, FARM_FAULT_OTHER, 0, "an index of the server is damaged"},
    {"22", FARM_EINVAL, FARM_FAULT_OTHER, 0, "a value is not one that the server can take"},
    {"54", FARM_EINVAL, FARM_FAULT_OTHER, 0, "a value or a statement is too large"},
    {"42601", FARM_EINTERNAL, FARM_FAULT_OTHER, SHOWS_PLACE | BLAMES_CALLER, wrong_text},
    {"42602", FARM_EINTERNAL, FARM_FAULT_OTHER, SHOWS_PLACE | BLAMES_CALLER, wrong_text},
    {"42", FARM_EINTERNAL, FARM_FAULT_OTHER, SHOWS_WORDS | BLAMES_CALLER, wrong_text},
    {"3F", FARM_EINTERNAL, FARM_FAULT_OTHER, SHOWS_WORDS | BLAMES_CALLER, wrong_text},
    {"2B", FARM_EINTERNAL, FARM_FAULT_OTHER, BLAMES_CALLER, "other things depend on it"},
    {"25", FARM_EINTERNAL, FARM_FAULT_OTHER, BLAMES_CALLER,
     "the statement is not possible in this transaction"},
    {"2D", FARM_EINTERNAL, FARM_FAULT_OTHER, BLAMES_CALLER,
     "the statement is not possible in this transaction"},
    {"0A", FARM_EINTERNAL, FARM_FAULT_OTHER, BLAMES_CALLER, "the server cannot do this"},
};

/* Class 08 of a connection that goes on: the parameters do not fit the statement. */
static const state_row protocol_row = {"08P01", FARM_EINTERNAL, FARM_FAULT_OTHER,
                                       SHOWS_WORDS | BLAMES_CALLER, wrong_text};
/* A standby does not even plan a statement on an unlogged table. */
static const state_row standby_row = {"0A000", FARM_EREADONLY, FARM_FAULT_OTHER, 0,
                                      "the server takes no writes"};
static const state_row unknown_row = {"", FARM_EINTERNAL, FARM_FAULT_OTHER, 0, unknown_text};

static const state_row *find_state(const char *state) {
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (strncmp(state, states[i].state, strlen(states[i].state)) == 0) return &states[i];
    return &unknown_row;
}

void postgres_fault_clear(farm_fault *fault) {
    memset(fault, 0, sizeof *fault);
    fault->call = -1;
    fault->ordinal = -1;
}

farm_status postgres_fault_set(farm_fault *fault, farm_status status, const char *format, ...) {
    va_list arguments;
    fault->status = status;
    fault->kind = FARM_FAULT_OTHER;
    fault->native[0] = '\0';
    va_start(arguments, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
    return status;
}

/* Add the server's words: one line, and no half character at its end. */
static void append_words(farm_fault *fault, const char *words) {
    size_t used = strlen(fault->text);
    size_t room = sizeof fault->text - used;
    (void)snprintf(fault->text + used, room, ": %s", words);
    used = strlen(fault->text);
    if (used == sizeof fault->text - 1) {
        while (used > 0 && ((unsigned char)fault->text[used - 1] & 0xC0) == 0x80) used--;
        if (used > 0 && (unsigned char)fault->text[used - 1] >= 0xC0) used--;
        fault->text[used] = '\0';
    }
    for (char *at = fault->text; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F) *at = ' ';
}

static void set_row(farm_fault *fault, const state_row *row, const char *state) {
    (void)postgres_fault_set(fault, row->status, "%s", row->text);
    fault->kind = row->kind;
    (void)snprintf(fault->native, sizeof fault->native, "%.5s", state);
    if (row == &unknown_row)
        (void)snprintf(fault->text, sizeof fault->text, "%s (SQLSTATE %.5s)", row->text, state);
}

farm_status postgres_fault_state(farm_fault *fault, const char *state) {
    set_row(fault, find_state(state), state);
    return fault->status;
}

farm_status postgres_fault_result(farm_fault *fault, const PGresult *result, int32_t is_ad_hoc) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (state == NULL || strlen(state) != STATE_SIZE)
        return postgres_fault_set(fault, FARM_EUNAVAILABLE,
                                  "the connection to the server was lost");

    const state_row *row = find_state(state);
    if (strcmp(state, protocol_row.state) == 0 && !postgres_result_is_fatal(result))
        row = &protocol_row;
    const char *function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
    if (strcmp(state, standby_row.state) == 0 && function != NULL &&
        strcmp(function, "get_relation_info") == 0)
        row = &standby_row;
    set_row(fault, row, state);
    const char *words = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *place = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    if ((row->flags & SHOWS_WORDS) && words != NULL) append_words(fault, words);
    if ((row->flags & SHOWS_PLACE) && place != NULL)
        (void)snprintf(fault->text, sizeof fault->text, "%s at its character %.9s", row->text,
                       place);
    if ((row->flags & BLAMES_CALLER) && is_ad_hoc) fault->status = FARM_EINVAL;
    return fault->status;
}

int32_t postgres_result_is_fatal(const PGresult *result) {
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity == NULL) severity = PQresultErrorField(result, PG_DIAG_SEVERITY);
    return severity != NULL && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

int32_t postgres_fault_is(const farm_fault *fault, const char *state) {
    return strcmp(fault->native, state) == 0;
}
