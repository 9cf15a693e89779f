/* The runtime of the generated Node-API wrappers: values, texts, bytes, the two forms of a call.
 * It knows JavaScript and nothing of the library but its status; see napi_glue.h for the rest.
 * Every function that returns bool answers true, or false with a JavaScript exception pending. */
#ifndef FARM_NAPI_H
#define FARM_NAPI_H

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include "farm_threads.h"

/* What cuts the body that SWIG writes into the three members of a wrapper. */
#define FARM_PHASE_RUN                                                                             \
    return true;                                                                                   \
    goto fail;                                                                                     \
fail:                                                                                              \
    return false;                                                                                  \
    }                                                                                              \
    void run() {
#define FARM_PHASE_OUT                                                                             \
    capture(result);                                                                               \
    }                                                                                              \
    bool out(napi_env env) {                                                                       \
        (void)env;

namespace farm_napi {

constexpr size_t max_argument_count = 8;

inline bool fail_type(napi_env env, const char *text) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", text);
    return false;
}

inline bool fail_range(napi_env env, const char *text) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", text);
    return false;
}

inline bool fail_memory(napi_env env) {
    napi_throw_error(env, "ERR_MEMORY_ALLOCATION_FAILED", "there is no memory");
    return false;
}

inline napi_valuetype type_of(napi_env env, napi_value value) {
    napi_valuetype type = napi_undefined;
    napi_typeof(env, value, &type);
    return type;
}

inline bool is_nothing(napi_env env, napi_value value) {
    const napi_valuetype type = type_of(env, value);
    return type == napi_undefined || type == napi_null;
}

/* What frees something when it ends: it is never copied. */
struct Owner {
    Owner() = default;
    Owner(const Owner &) = delete;
    Owner &operator=(const Owner &) = delete;
};

/* ---------------------------------------------------------------------------------- numbers */

inline bool to_int64(napi_env env, napi_value value, int64_t *out) {
    const napi_valuetype type = type_of(env, value);
    if (type == napi_bigint) {
        bool is_exact = false;
        napi_get_value_bigint_int64(env, value, out, &is_exact);
        return is_exact || fail_range(env, "the bigint does not fit in 64 bits");
    }
    if (type != napi_number) return fail_type(env, "a bigint or an integer number is required");
    constexpr double max_safe = 9007199254740991.0;
    double number = 0;
    napi_get_value_double(env, value, &number);
    if (!(number >= -max_safe && number <= max_safe) || number != std::trunc(number))
        return fail_range(env, "the number is no safe integer: use a bigint");
    *out = (int64_t)number;
    return true;
}

inline bool to_int64_in(napi_env env, napi_value value, int64_t low, int64_t high, int64_t *out) {
    if (!to_int64(env, value, out)) return false;
    return (*out >= low && *out <= high) || fail_range(env, "the number is out of range");
}

inline bool to_int32(napi_env env, napi_value value, int32_t *out) {
    int64_t wide = 0;
    if (!to_int64_in(env, value, INT32_MIN, INT32_MAX, &wide)) return false;
    *out = (int32_t)wide;
    return true;
}

inline bool to_uint32(napi_env env, napi_value value, uint32_t *out) {
    int64_t wide = 0;
    if (!to_int64_in(env, value, 0, UINT32_MAX, &wide)) return false;
    *out = (uint32_t)wide;
    return true;
}

inline napi_value undefined(napi_env env) {
    napi_value made = nullptr;
    napi_get_undefined(env, &made);
    return made;
}

inline napi_value null(napi_env env) {
    napi_value made = nullptr;
    napi_get_null(env, &made);
    return made;
}

inline napi_value from_int32(napi_env env, int32_t value) {
    napi_value made = nullptr;
    napi_create_int32(env, value, &made);
    return made;
}

inline napi_value from_uint32(napi_env env, uint32_t value) {
    napi_value made = nullptr;
    napi_create_uint32(env, value, &made);
    return made;
}

inline napi_value from_int64(napi_env env, int64_t value) {
    napi_value made = nullptr;
    napi_create_bigint_int64(env, value, &made);
    return made;
}

inline napi_value from_bool(napi_env env, bool value) {
    napi_value made = nullptr;
    napi_get_boolean(env, value, &made);
    return made;
}

/* ---------------------------------------------------------------------------- texts and bytes */

inline napi_value from_text(napi_env env, const char *text, size_t size = NAPI_AUTO_LENGTH) {
    if (text == nullptr) return null(env);
    napi_value made = nullptr;
    napi_create_string_utf8(env, text, size, &made);
    return made;
}

inline napi_value from_bytes(napi_env env, const void *data, size_t size) {
    if (data == nullptr) return null(env);
    napi_value made = nullptr;
    napi_create_buffer_copy(env, size, data, nullptr, &made);
    return made;
}

/* A text of our own, copied out of a string; short ones need no allocation. A NUL is refused: C
 * would take what follows for nothing. */
class Text : Owner {
public:
    ~Text() {
        if (text_ != short_) free(text_);
    }

    bool read(napi_env env, napi_value value, bool is_optional = false) {
        if (is_optional && is_nothing(env, value)) return true;
        if (napi_get_value_string_utf8(env, value, nullptr, 0, &size_) != napi_ok)
            return fail_type(env, "a string is required");
        text_ = size_ < sizeof short_ ? short_ : (char *)malloc(size_ + 1);
        if (text_ == nullptr) return fail_memory(env);
        napi_get_value_string_utf8(env, value, text_, size_ + 1, &size_);
        return memchr(text_, 0, size_) == nullptr ||
               fail_type(env, "the string has a NUL character");
    }

    char *get() const {
        return text_;
    }
    size_t size() const {
        return size_;
    }

private:
    char short_[64] = {0};
    char *text_ = nullptr;
    size_t size_ = 0;
};

/* Bytes of our own: what the caller does to his array does not matter to a call under way. */
class Bytes : Owner {
public:
    ~Bytes() {
        free(data_);
    }

    bool read(napi_env env, napi_value value) {
        bool is_array = false;
        napi_typedarray_type type = napi_float64_array;
        const void *from = nullptr;
        napi_is_typedarray(env, value, &is_array);
        if (is_array)
            napi_get_typedarray_info(env, value, &type, &size_, (void **)&from, nullptr, nullptr);
        if (type != napi_uint8_array) return fail_type(env, "a Uint8Array is required");
        data_ = malloc(size_ + 1);
        if (data_ == nullptr) return fail_memory(env);
        if (size_ > 0) memcpy(data_, from, size_);
        return true;
    }

    const void *get() const {
        return data_;
    }
    size_t size() const {
        return size_;
    }

private:
    void *data_ = nullptr;
    size_t size_ = 0;
};

/* ------------------------------------------------------------------------------------- calls */

template <class Wrapper>
bool read_arguments(napi_env env, napi_callback_info info, napi_value *args) {
    size_t count = max_argument_count;
    static_assert(Wrapper::argument_count <= max_argument_count, "raise max_argument_count");
    napi_get_cb_info(env, info, &count, args, nullptr, nullptr);
    return count == Wrapper::argument_count || fail_type(env, "a wrong number of arguments");
}

template <class Wrapper> napi_value call_sync(napi_env env, napi_callback_info info) {
    napi_value args[max_argument_count];
    if (!read_arguments<Wrapper>(env, info, args)) return nullptr;
    Wrapper wrapper;
    if (!wrapper.in(env, args)) return nullptr;
    wrapper.run();
    return wrapper.out(env) ? wrapper.jsresult : nullptr;
}

/* Reject with what is pending, and clear it. */
inline void reject(napi_env env, napi_deferred deferred) {
    napi_value error = nullptr;
    bool is_pending = false;
    napi_is_exception_pending(env, &is_pending);
    if (is_pending) napi_get_and_clear_last_exception(env, &error);
    napi_reject_deferred(env, deferred, is_pending ? error : undefined(env));
}

template <class Wrapper> class Job : public Task {
public:
    void run() override {
        wrapper.run();
    }
    void complete(napi_env env) override {
        if (wrapper.out(env))
            napi_resolve_deferred(env, deferred, wrapper.jsresult);
        else
            reject(env, deferred);
        delete this;
    }

    Wrapper wrapper;
    napi_deferred deferred = nullptr;
};

template <class Wrapper> napi_value call_async(napi_env env, napi_callback_info info) {
    napi_value promise = nullptr;
    Threads *threads = Threads::of(env);
    Job<Wrapper> *job = threads == nullptr ? nullptr : new (std::nothrow) Job<Wrapper>;
    if (job == nullptr) {
        fail_memory(env);
        return nullptr;
    }
    napi_create_promise(env, &job->deferred, &promise);
    napi_value args[max_argument_count];
    if (!read_arguments<Wrapper>(env, info, args) || !job->wrapper.in(env, args)) {
        reject(env, job->deferred);
        delete job;
        return promise;
    }
    threads->start(env, job);
    return promise;
}

inline void define(napi_env env, napi_value exports, const std::string &name, napi_callback call) {
    napi_value function = nullptr;
    napi_create_function(env, name.c_str(), name.size(), call, nullptr, &function);
    napi_set_named_property(env, exports, name.c_str(), function);
}

template <class Wrapper>
void define_function(napi_env env, napi_value exports, const std::string &name) {
    define(env, exports, name, call_sync<Wrapper>);
    define(env, exports, name + "Async", call_async<Wrapper>);
}

} // namespace farm_napi
#endif
