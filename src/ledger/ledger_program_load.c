/* Programs are locked first, and everything else is read behind that, in one batch. */
#include "ledger/ledger_program_load.h"
#include "base/crypto.h"
#include "base/id.h"
#include <string.h>

farm_status ledger_nominations_init(ledger_nominations *self, farm_session *session, size_t count) {
    arena *memory = store_arena(session);
    *self =
        (ledger_nominations){.session = session, .count = count, .now_us = store_now_us(session)};
    self->programs = arena_allocate_array(memory, count + 1, sizeof *self->programs);
    self->accounts = arena_allocate_array(memory, count, sizeof *self->accounts);
    self->asked = arena_allocate_array(memory, count, sizeof *self->asked);
    self->subjects = arena_allocate_array(memory, count, sizeof *self->subjects);
    self->subject_of = arena_allocate_array(memory, count, sizeof *self->subject_of);
    if (self->programs == NULL || self->accounts == NULL || self->asked == NULL ||
        self->subjects == NULL || self->subject_of == NULL ||
        !ledger_ids_init(&self->program_ids, session, count) ||
        !ledger_ids_init(&self->account_ids, session, count) ||
        !ledger_map_init(&self->subject_map, session, count))
        return ledger_fail_memory(session, count);
    return FARM_OK;
}

/* Two texts may have the same name in a map of ids only if they break SHA-256. */
static farm_id subject_key(const farm_id *program_id, const char *subject) {
    const crypto_part parts[] = {{program_id, sizeof *program_id}, {subject, strlen(subject)}};
    uint8_t hash[CRYPTO_HASH_SIZE];
    farm_id key;
    crypto_sha256_parts(parts, sizeof parts / sizeof *parts, hash);
    memcpy(&key, hash, sizeof key);
    return key;
}

void ledger_nominations_add(ledger_nominations *self, size_t index, const farm_id *program_id,
                            const char *subject, const farm_id *account_id) {
    const farm_id key = subject_key(program_id, subject);
    uint32_t *number = id_map_put(&self->subject_map, &key);
    if (*number == 0) {
        self->asked[self->subject_count] = (ledger_program_nomination_last_each){
            .program = value_blob_of_id(program_id), .subject = value_text_of(subject)};
        *number = (uint32_t)++self->subject_count;
    }
    self->subject_of[index] = *number - 1;
    ledger_ids_add(&self->program_ids, program_id);
    ledger_ids_add(&self->account_ids, account_id);
}

/* Of an id that was not added the last, which is empty. */
ledger_program_state *ledger_nominations_program(ledger_nominations *self, const farm_id *id) {
    const uint32_t *number = id_map_find(&self->program_ids.known, id);
    return &self->programs[number == NULL ? self->count : *number - 1];
}

ledger_nominee ledger_nominations_account(const ledger_nominations *self, const farm_id *id) {
    const uint32_t *number = id_map_find(&self->account_ids.known, id);
    return number == NULL ? (ledger_nominee){0} : self->accounts[*number - 1];
}

static int32_t take_program(void *context, size_t ordinal,
                            const ledger_program_program_read_row *row) {
    (void)ordinal;
    const farm_id id = ledger_id_of(row->id);
    *ledger_nominations_program(context, &id) =
        (ledger_program_state){.book = row->book,
                               .from_us = row->from_us,
                               .until_us = row->until_us,
                               .nominations_max = row->nominations_max,
                               .nomination_count = row->nomination_count};
    return 0;
}

static int32_t take_account(void *context, size_t ordinal,
                            const ledger_program_nominee_read_row *row) {
    (void)ordinal;
    ledger_nominations *self = context;
    const farm_id id = ledger_id_of(row->id);
    const uint32_t *number = id_map_find(&self->account_ids.known, &id);
    self->accounts[*number - 1] = (ledger_nominee){row->book, row->number};
    return 0;
}

static const char *keep(ledger_nominations *self, value_text text) {
    if (text.data == NULL) return NULL;
    char *copy = arena_allocate_array(store_arena(self->session), text.size + 1, 1);
    if (copy == NULL)
        self->has_failed = 1;
    else
        value_text_copy(text, copy, text.size + 1);
    return copy;
}

static int32_t take_last(void *context, size_t ordinal,
                         const ledger_program_nomination_last_row *row) {
    ledger_nominations *self = context;
    self->subjects[ordinal] =
        (ledger_subject_state){.number = row->number,
                               .from_us = row->from_us,
                               .until_us = row->until_us,
                               .given_until_us = row->given_until_us,
                               .account_id = ledger_id_of(row->account_id),
                               .user_data_128 = ledger_id_of(row->user_data_128),
                               .nominated_by = keep(self, row->nominated_by),
                               .withdrawn_by = keep(self, row->withdrawn_by)};
    return self->has_failed;
}

farm_status ledger_nominations_read(ledger_nominations *self) {
    const value_list programs = ledger_ids_list(&self->program_ids);
    store_batch batch;
    store_batch_init(&batch, self->session);
    ledger_program_program_lock(&batch, &(ledger_program_program_lock_params){programs}, NULL,
                                NULL);
    ledger_program_program_read(
        &batch, &(ledger_program_program_read_params){.ids = programs, .now = self->now_us},
        take_program, self);
    ledger_program_nominee_read(
        &batch, &(ledger_program_nominee_read_params){ledger_ids_list(&self->account_ids)},
        take_account, self);
    ledger_program_nomination_last(&batch, self->asked, self->subject_count, take_last, self);
    const farm_status status = store_run(self->session, &batch);
    if (status == FARM_OK && self->has_failed)
        return ledger_fail_memory(self->session, self->count);
    return status;
}
