/* What the generated Node wrapper needs to know of the library: errors, handles, records, values.
 * Arguments are copied before the call, so that it can run on any thread. */
#ifndef NODE_NAPI_GLUE_H
#define NODE_NAPI_GLUE_H

#include <farmcore/farmcore.h>
#include <deque>
#include <vector>
#include "farm_napi.h"
#include "box.h"

namespace farm_napi {

/* ------------------------------------------------------------------------------------ errors */

struct NoResult {};

/* What every wrapper has. The error is copied on the thread that ran the call, while the call still
 * has the session to itself. */
struct Call {
    napi_value jsresult = nullptr;
    NoResult result;
    const farm_session *session = nullptr;
    farm_error error = {sizeof(farm_error), FARM_OK, 0, 0, {0}};

    void capture(farm_status status) {
        if (status == FARM_OK || error.status == status) return;
        if (session != nullptr) error = *farm_session_error(session);
        if (error.status == status) return;
        error.status = status;
        error.reason = 0;
        const char *text = farm_status_text(status);
        const size_t size = strlen(text) < sizeof error.text ? strlen(text) : sizeof error.text - 1;
        memcpy(error.text, text, size);
        error.text[size] = 0;
    }
    /* What returns no status. */
    template <class T> void capture(const T &) {}
};

inline bool fail(napi_env env, const farm_error &error) {
    napi_value made = nullptr;
    napi_create_error(env, from_text(env, farm_status_name(error.status)),
                      from_text(env, error.text), &made);
    napi_set_named_property(env, made, "status", from_int32(env, error.status));
    napi_set_named_property(env, made, "reason", from_int32(env, error.reason));
    napi_set_named_property(env, made, "retryable",
                            from_bool(env, farm_status_is_retryable(error.status) != 0));
    napi_throw(env, made);
    return false;
}

inline bool fail_invalid(napi_env env, const std::string &text) {
    farm_error error = {sizeof(farm_error), FARM_EINVAL, 0, 0, {0}};
    text.copy(error.text, sizeof error.text - 1);
    return fail(env, error);
}

/* ----------------------------------------------------------------------------------- handles */

constexpr napi_type_tag handle_tag = {0x6a3f9d7c51e24b08ull, 0x9c1d2e3f4a5b6c7dull};

inline box *to_box(napi_env env, napi_value value) {
    bool is_ours = false;
    void *data = nullptr;
    if (type_of(env, value) == napi_external)
        napi_check_object_type_tag(env, value, &handle_tag, &is_ours);
    if (is_ours) napi_get_value_external(env, value, &data);
    if (!is_ours) fail_type(env, "a handle is required");
    return (box *)data;
}

/* A handle in use, for as long as the wrapper lives. */
class Handle : Owner {
public:
    ~Handle() {
        if (box_ != nullptr) (is_shared_ ? box_leave_shared : box_leave)(box_);
    }

    bool enter(napi_env env, napi_value value, int32_t kind, bool is_shared = false) {
        box *found = to_box(env, value);
        if (found == nullptr) return false;
        const std::string name = box_kind_name(kind);
        if (found->kind != kind) return fail_type(env, ("a " + name + " is required").c_str());
        const int32_t outcome = (is_shared ? box_enter_shared : box_enter)(found);
        if (outcome == BOX_IS_CLOSED) return fail_invalid(env, "the " + name + " is closed");
        if (outcome == BOX_IS_BUSY)
            return fail_invalid(env, "the " + name + " is in use by another call");
        box_ = found;
        is_shared_ = is_shared;
        return true;
    }

    void *get() const {
        return box_->handle;
    }
    box *owner() const {
        return box_;
    }

private:
    box *box_ = nullptr;
    bool is_shared_ = false;
};

/* A box that is about to be closed: its memory stays, whatever its object does. */
class Kept : Owner {
public:
    ~Kept() {
        if (box_ != nullptr) box_unreference(box_);
    }
    void keep(box *self) {
        box_reference(self);
        box_ = self;
    }

private:
    box *box_ = nullptr;
};

/* What a call made: boxed on its way to JavaScript, or ended when it never gets there. */
class NewHandle : Owner {
public:
    ~NewHandle() {
        if (handle != nullptr) box_end(handle, kind, parent);
    }

    napi_value wrap(napi_env env) {
        napi_value value = nullptr;
        box *self = box_new(handle, kind, parent);
        if (self == nullptr) return (void)fail_memory(env), nullptr;
        handle = nullptr;
        auto drop = [](napi_env, void *data, void *) { box_drop((box *)data); };
        if (napi_create_external(env, self, drop, nullptr, &value) != napi_ok) {
            box_drop(self);
            return nullptr;
        }
        napi_type_tag_object(env, value, &handle_tag);
        return value;
    }

    void *handle = nullptr;
    int32_t kind = 0;
    box *parent = nullptr;
};

/* ----------------------------------------------------------------------------------- records */

/* "retry_after_us" to "retryAfterUs", "user_data_64" to "userData64". */
inline std::string camel_case(const char *field) {
    std::string name;
    for (char before = 0; *field != 0; before = *field++) {
        const bool is_raised = before == '_' && *field >= 'a' && *field <= 'z';
        if (*field != '_') name += is_raised ? (char)(*field - 'a' + 'A') : *field;
    }
    return name;
}

/* Texts that records point to. A deque never moves what it holds. */
using Texts = std::deque<Text>;

inline bool to_field(napi_env env, napi_value value, int32_t *out, Texts &) {
    return is_nothing(env, value) || to_int32(env, value, out);
}

inline bool to_field(napi_env env, napi_value value, uint32_t *out, Texts &) {
    return is_nothing(env, value) || to_uint32(env, value, out);
}

inline bool to_field(napi_env env, napi_value value, int64_t *out, Texts &) {
    return is_nothing(env, value) || to_int64(env, value, out);
}

inline bool to_field(napi_env env, napi_value value, const char **out, Texts &texts) {
    if (is_nothing(env, value)) return true;
    texts.emplace_back();
    if (!texts.back().read(env, value)) return false;
    *out = texts.back().get();
    return true;
}

inline bool to_id(napi_env env, napi_value value, farm_id *out) {
    Text text;
    if (!text.read(env, value)) return false;
    return farm_id_from_text(text.get(), out) == FARM_OK ||
           fail_invalid(env, "the id is not of the form of a UUID");
}

inline bool to_field(napi_env env, napi_value value, farm_id *out, Texts &) {
    return is_nothing(env, value) || to_id(env, value, out);
}

inline bool to_hash(napi_env env, napi_value value, uint8_t (&out)[FARM_LEDGER_HASH_SIZE]) {
    Bytes bytes;
    if (!bytes.read(env, value)) return false;
    if (bytes.size() != sizeof out) return fail_invalid(env, "a hash is 32 bytes");
    memcpy(out, bytes.get(), sizeof out);
    return true;
}

inline bool to_flag(napi_env env, napi_value value, int32_t *out) {
    bool flag = false;
    if (napi_get_value_bool(env, value, &flag) != napi_ok)
        return fail_type(env, "a boolean is required");
    *out = flag;
    return true;
}

inline bool to_flag_or_nothing(napi_env env, napi_value value, int32_t *out) {
    return is_nothing(env, value) || to_flag(env, value, out);
}

inline napi_value from_id(napi_env env, const farm_id &id) {
    char text[FARM_ID_TEXT_SIZE];
    farm_id_to_text(&id, text);
    return from_text(env, text);
}

inline napi_value from_id_or_nothing(napi_env env, const farm_id &id) {
    static const farm_id nothing = {};
    return memcmp(&id, &nothing, sizeof id) == 0 ? null(env) : from_id(env, id);
}

inline bool read_field(napi_env env, napi_value from, const std::string &name, napi_value *out) {
    return napi_get_named_property(env, from, name.c_str(), out) == napi_ok;
}

#define READ(field, read)                                                                          \
    {                                                                                              \
        static const std::string name = camel_case(#field);                                        \
        napi_value value = nullptr;                                                                \
        if (!read_field(env, from, name, &value) || !(read)) return false;                         \
    }
#define I32(field) READ(field, to_field(env, value, &out->field, texts))
#define U32 I32
#define I64 I32
#define TEXT I32
#define ID I32
#define HASH(field) READ(field, to_hash(env, value, out->field))
#define BOOL(field) READ(field, to_flag(env, value, &out->field))
#define FLAG(field) READ(field, to_flag_or_nothing(env, value, &out->field))
#define PART(field, record)                                                                        \
    READ(field, is_nothing(env, value) || read_##record(env, value, &out->field, texts))
#define READER(record, fields, set_size)                                                           \
    inline bool read_##record(napi_env env, napi_value from, farm_##record *out, Texts &texts) {   \
        (void)texts;                                                                               \
        set_size;                                                                                  \
        if (type_of(env, from) != napi_object) return fail_type(env, "an object is required");     \
        fields return true;                                                                        \
    }
#define RECORD_IN(record, fields) READER(record, fields, out->struct_size = sizeof *out)
#define RECORD_PART(record, fields) READER(record, fields, (void)0)
#define RECORD_BOTH RECORD_IN
#define RECORD_OUT(record, fields)
#include "records.def"
#undef READ
#undef READER

#define WRITE(field, made)                                                                         \
    {                                                                                              \
        static const std::string name = camel_case(#field);                                        \
        napi_set_named_property(env, value, name.c_str(), made);                                   \
    }
#define I32(field) WRITE(field, from_int32(env, from.field))
#define U32(field) WRITE(field, from_uint32(env, from.field))
#define I64(field) WRITE(field, from_int64(env, from.field))
#define BOOL(field) WRITE(field, from_bool(env, from.field != 0))
#define FLAG BOOL
#define CHARS(field) WRITE(field, from_text(env, from.field))
#define ID(field) WRITE(field, from_id_or_nothing(env, from.field))
#define HASH(field) WRITE(field, from_bytes(env, from.field, sizeof from.field))
#define PART(field, record) WRITE(field, write_##record(env, from.field))
#define RECORD_IN(record, fields)
#define RECORD_OUT(record, fields)                                                                 \
    inline napi_value write_##record(napi_env env, const farm_##record &from) {                    \
        napi_value value = nullptr;                                                                \
        napi_create_object(env, &value);                                                           \
        fields return value;                                                                       \
    }
#define RECORD_BOTH RECORD_OUT
#define RECORD_PART RECORD_OUT
#include "records.def"
#undef WRITE

inline bool read_id(napi_env env, napi_value from, farm_id *out, Texts &) {
    return to_id(env, from, out);
}

enum { PIECE_MAX = 1 << 26 };

inline napi_value write_status(napi_env env, const farm_status &status) {
    return from_int32(env, status);
}

inline bool read_money_weight(napi_env env, napi_value from, farm_money_weight *out, Texts &) {
    return to_int64(env, from, &out->weight);
}

inline napi_value write_int64(napi_env env, const int64_t &number) {
    return from_int64(env, number);
}

/* ------------------------------------------------------------------------------------ arrays */

/* Structs read from an array, with the texts that they point to. */
template <class T> struct Array {
    std::vector<T> items;
    Texts texts;

    template <class Convert> bool read(napi_env env, napi_value from, Convert convert) {
        bool is_array = false;
        uint32_t count = 0;
        napi_is_array(env, from, &is_array);
        if (!is_array) return fail_type(env, "an array is required");
        napi_get_array_length(env, from, &count);
        items.resize(count);
        bool is_good = true;
        for (uint32_t i = 0; is_good && i < count; i++) {
            napi_handle_scope scope = nullptr;
            napi_value item = nullptr;
            napi_open_handle_scope(env, &scope);
            is_good = napi_get_element(env, from, i, &item) == napi_ok &&
                      convert(env, item, &items[i], texts);
            napi_close_handle_scope(env, scope);
        }
        return is_good;
    }
};

/* An array of what make answers for each place. */
template <class Make> napi_value make_array(napi_env env, size_t count, Make make) {
    napi_value array = nullptr;
    napi_create_array_with_length(env, count, &array);
    for (size_t i = 0; i < count; i++) {
        napi_handle_scope scope = nullptr;
        napi_open_handle_scope(env, &scope);
        napi_set_element(env, array, (uint32_t)i, make(i));
        napi_close_handle_scope(env, scope);
    }
    return array;
}

template <class T>
napi_value write_array(napi_env env, const T *items, size_t count,
                       napi_value (*write)(napi_env, const T &)) {
    return make_array(env, count, [=](size_t i) { return write(env, items[i]); });
}

/* A take's requests and the states that it answered: {requests, states}. */
struct Answer {
    Array<farm_rate_request> requests;
    Array<farm_rate_state> states;

    bool read(napi_env env, napi_value from) {
        napi_value items = nullptr, results = nullptr;
        if (type_of(env, from) != napi_object) return fail_type(env, "an object is required");
        if (!read_field(env, from, "requests", &items) ||
            !requests.read(env, items, read_rate_request) ||
            !read_field(env, from, "states", &results) ||
            !states.read(env, results, read_rate_state))
            return false;
        return requests.items.size() == states.items.size() ||
               fail_range(env, "there must be as many states as requests");
    }
};

/* A struct that the library fills: it must know the size. */
template <class T> T sized() {
    T made = {};
    made.struct_size = sizeof made;
    return made;
}

/* One record as an argument. */
template <class T> struct Record {
    T record = {};
    Texts texts;
};

struct Options {
    farm_pool_options pool = {};
    farm_session_options session = {};
    Texts texts;

    bool read(napi_env env, napi_value from) {
        if (!read_pool_options(env, from, &pool, texts) ||
            !read_session_options(env, from, &session, texts))
            return false;
        pool.session = &session;
        return true;
    }
};

/* {maxCount, eventCount} and, beside them, the options of a breaker. */
struct BreakersOptions {
    farm_breakers_options set = {};
    farm_breaker_options breaker = {};
    Texts texts;

    bool read(napi_env env, napi_value from) {
        if (!read_breakers_options(env, from, &set, texts) ||
            !read_breaker_options(env, from, &breaker, texts))
            return false;
        set.breaker = &breaker;
        return true;
    }
};

/* ------------------------------------------------------------------------------------ values */

/* The parameters of a host's own statement. */
struct Values {
    Array<farm_value> array;
    std::deque<Bytes> bytes;

    bool read(napi_env env, napi_value from) {
        return array.read(env, from,
                          [this](napi_env at, napi_value item, farm_value *out, Texts &) {
                              return read_one(at, item, out);
                          });
    }

    bool read_one(napi_env env, napi_value from, farm_value *out) {
        const napi_valuetype type = type_of(env, from);
        if (type == napi_null) return true;
        if (type == napi_bigint || type == napi_number) {
            out->type = FARM_INTEGER;
            return to_int64(env, from, &out->integer);
        }
        if (type == napi_string) {
            array.texts.emplace_back();
            Text &text = array.texts.back();
            if (!text.read(env, from)) return false;
            out->type = FARM_TEXT;
            out->data = text.get();
            out->size = text.size();
            return true;
        }
        bool is_array = false;
        napi_is_typedarray(env, from, &is_array);
        if (!is_array)
            return fail_type(env, "a parameter is a bigint, a safe integer, a string, a "
                                  "Uint8Array or null");
        bytes.emplace_back();
        if (!bytes.back().read(env, from)) return false;
        out->type = FARM_BLOB;
        out->data = bytes.back().get();
        out->size = bytes.back().size();
        return true;
    }
};

inline napi_value from_value(napi_env env, const farm_value &value) {
    if (value.type == FARM_INTEGER) return from_int64(env, value.integer);
    if (value.type == FARM_TEXT) return from_text(env, (const char *)value.data, value.size);
    if (value.type == FARM_BLOB) return from_bytes(env, value.data, value.size);
    return null(env);
}

/* Rows that a statement answered. */
struct Rows : Owner {
    ~Rows() {
        farm_rows_free(rows);
    }

    napi_value write(napi_env env) const {
        return make_array(env, farm_rows_count(rows), [=](size_t row) {
            return make_array(env, farm_rows_column_count(rows), [=](size_t column) {
                return from_value(env, *farm_rows_value(rows, row, column));
            });
        });
    }

    farm_rows *rows = nullptr;
};

/* A text of the library's, to be freed. */
struct OwnedText : Owner {
    ~OwnedText() {
        farm_free(text);
    }
    char *text = nullptr;
};

} // namespace farm_napi
#endif
