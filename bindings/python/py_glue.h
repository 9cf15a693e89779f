/* What the generated Python wrapper calls: errors, handles, values, records. Ordinary C. Every
 * function that returns int answers 1, or 0 with a Python exception set. The GIL is held in all of
 * them but not in the call that they prepare, so they keep what C points into. */
#ifndef PYTHON_PY_GLUE_H
#define PYTHON_PY_GLUE_H

#include <Python.h>
#include <farmcore/farmcore.h>
#include <string.h>
#include "box.h"

/* ----------------------------------------------------------------------------------- errors */

/* farmcore.errors.make(status, reason, text): handed over by the layer when it is imported. */
static PyObject *glue_error_maker = NULL;

static void glue_raise(farm_status status, int32_t reason, const char *text) {
    if (glue_error_maker == NULL) {
        PyErr_SetString(PyExc_RuntimeError, text);
        return;
    }
    PyObject *said = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
    if (said == NULL) return;
    PyObject *error =
        PyObject_CallFunction(glue_error_maker, "iiN", (int)status, (int)reason, said);
    if (error == NULL) return;
    PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_DECREF(error);
}

/* The error is the session's, or the one that the call was given; a call may have neither. */
static void glue_raise_error(farm_status status, const farm_session *session,
                             const farm_error *error) {
    if (session != NULL) error = farm_session_error(session);
    if (error != NULL && error->status == status)
        glue_raise(status, error->reason, error->text);
    else
        glue_raise(status, 0, farm_status_text(status));
}

static PyObject *glue_set_error_maker(PyObject *self, PyObject *maker) {
    (void)self;
    if (PyTuple_Check(maker) && !PyArg_ParseTuple(maker, "O", &maker)) return NULL;
    Py_INCREF(maker);
    Py_XDECREF(glue_error_maker);
    glue_error_maker = maker;
    Py_RETURN_NONE;
}

/* ---------------------------------------------------------------------------------- scalars */

static int glue_int64(PyObject *from, int64_t *out) {
    if (!PyLong_Check(from)) {
        PyErr_Format(PyExc_TypeError, "an int is required, not %.100s", Py_TYPE(from)->tp_name);
        return 0;
    }
    *out = PyLong_AsLongLong(from);
    return !(*out == -1 && PyErr_Occurred());
}

static int glue_in_range(PyObject *from, int64_t low, int64_t high, int64_t *out) {
    if (!glue_int64(from, out)) return 0;
    if (*out >= low && *out <= high) return 1;
    PyErr_Format(PyExc_OverflowError, "%lld is not between %lld and %lld", (long long)*out,
                 (long long)low, (long long)high);
    return 0;
}

static int glue_int32(PyObject *from, int32_t *out) {
    int64_t wide;
    if (!glue_in_range(from, INT32_MIN, INT32_MAX, &wide)) return 0;
    *out = (int32_t)wide;
    return 1;
}

static int glue_uint32(PyObject *from, uint32_t *out) {
    int64_t wide;
    if (!glue_in_range(from, 0, UINT32_MAX, &wide)) return 0;
    *out = (uint32_t)wide;
    return 1;
}

/* The text lives as long as the str. C would take what follows a NUL for nothing. */
static int glue_text(PyObject *from, const char **out) {
    if (!PyUnicode_Check(from)) {
        PyErr_Format(PyExc_TypeError, "a str is required, not %.100s", Py_TYPE(from)->tp_name);
        return 0;
    }
    Py_ssize_t size;
    *out = PyUnicode_AsUTF8AndSize(from, &size);
    if (*out == NULL) return 0;
    if (strlen(*out) == (size_t)size) return 1;
    PyErr_SetString(PyExc_ValueError, "the text has a NUL character");
    return 0;
}

static int glue_text_or_none(PyObject *from, const char **out) {
    *out = NULL;
    return from == Py_None || glue_text(from, out);
}

static PyObject *glue_from_text(const char *text) {
    if (text == NULL) Py_RETURN_NONE;
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "strict");
}

static PyObject *glue_from_bytes(const void *data, size_t size) {
    if (data == NULL) Py_RETURN_NONE;
    return PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)size);
}

/* A uuid.UUID says its 16 bytes. */
static int glue_id_bytes(PyObject *from, farm_id *out) {
    PyObject *bytes = PyObject_GetAttrString(from, "bytes");
    int is_id = bytes != NULL && PyBytes_Check(bytes) && PyBytes_Size(bytes) == sizeof *out;
    if (is_id)
        memcpy(out, PyBytes_AsString(bytes), sizeof *out);
    else
        PyErr_Format(PyExc_TypeError, "a UUID or a str is required, not %.100s",
                     Py_TYPE(from)->tp_name);
    Py_XDECREF(bytes);
    return is_id;
}

static int glue_id(PyObject *from, farm_id *out) {
    const char *text;
    if (!PyUnicode_Check(from)) return glue_id_bytes(from, out);
    if (!glue_text(from, &text)) return 0;
    farm_status status = farm_id_from_text(text, out);
    if (status != FARM_OK) glue_raise(status, 0, "the id is not of the form of a UUID");
    return status == FARM_OK;
}

static PyObject *glue_from_id(const farm_id *id) {
    char text[FARM_ID_TEXT_SIZE];
    farm_id_to_text(id, text);
    return glue_from_text(text);
}

/* Wrappers have one result, or a pair of the first and the second. Steals both, passes NULL on. */
static PyObject *glue_add_result(PyObject *before, PyObject *added) {
    if (before == Py_None && added != NULL) {
        Py_DECREF(before);
        return added;
    }
    PyObject *pair = added == NULL ? NULL : PyTuple_Pack(2, before, added);
    Py_XDECREF(before);
    Py_XDECREF(added);
    return pair;
}

/* ---------------------------------------------------------------------------------- handles */

static void glue_end_capsule(PyObject *capsule) {
    box *self = (box *)PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule));
    if (self == NULL) return;
    Py_BEGIN_ALLOW_THREADS;
    box_drop(self);
    Py_END_ALLOW_THREADS;
}

/* A capsule around a box; what cannot be boxed is ended. */
static PyObject *glue_new_handle(void *handle, int32_t kind, box *parent) {
    box *made = box_new(handle, kind, parent);
    if (made == NULL) {
        box_end(handle, kind, parent);
        return PyErr_NoMemory();
    }
    PyObject *capsule = PyCapsule_New(made, box_kind_name(kind), glue_end_capsule);
    if (capsule == NULL) box_drop(made);
    return capsule;
}

/* NULL with an exception set, or the box, entered. */
static box *glue_enter(PyObject *from, int32_t kind, int32_t (*enter)(box *)) {
    box *self = (box *)PyCapsule_GetPointer(from, box_kind_name(kind));
    if (self == NULL) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "a %s is required, not %.100s", box_kind_name(kind),
                     Py_TYPE(from)->tp_name);
        return NULL;
    }
    int32_t outcome = enter(self);
    if (outcome == BOX_ENTERED) return self;
    char text[80];
    PyOS_snprintf(text, sizeof text, "the %s %s", box_kind_name(kind),
                  outcome == BOX_IS_CLOSED ? "is closed" : "is in use by another call");
    glue_raise(FARM_EINVAL, 0, text);
    return NULL;
}

/* The last user ends the handle, and that may take a round trip. */
static void glue_leave(box *self, void (*leave)(box *)) {
    if (self == NULL) return;
    if (!__atomic_load_n(&self->is_closed, __ATOMIC_ACQUIRE)) {
        leave(self);
        return;
    }
    Py_BEGIN_ALLOW_THREADS;
    leave(self);
    Py_END_ALLOW_THREADS;
}

static PyObject *glue_close(PyObject *self, PyObject *handle) {
    (void)self;
    if (PyTuple_Check(handle) && !PyArg_ParseTuple(handle, "O", &handle)) return NULL;
    if (!PyCapsule_CheckExact(handle) || PyCapsule_GetDestructor(handle) != glue_end_capsule) {
        PyErr_SetString(PyExc_TypeError, "a handle is required");
        return NULL;
    }
    box *closed = (box *)PyCapsule_GetPointer(handle, PyCapsule_GetName(handle));
    if (closed == NULL) return NULL;
    Py_BEGIN_ALLOW_THREADS;
    box_close(closed);
    Py_END_ALLOW_THREADS;
    Py_RETURN_NONE;
}

/* ---------------------------------------------------------------------------------- records */

/* A record is read from a tuple, which nobody can change while the GIL is released. */
static int glue_check_tuple(PyObject *from, Py_ssize_t size, const char *name) {
    if (PyTuple_Check(from) && PyTuple_Size(from) == size) return 1;
    PyErr_Format(PyExc_TypeError, "a %s is a tuple of %zd", name, size);
    return 0;
}

static int glue_id_or_none(PyObject *from, farm_id *out) {
    memset(out, 0, sizeof *out);
    return from == Py_None || glue_id(from, out);
}

static PyObject *glue_from_id_or_none(const farm_id *id) {
    static const farm_id nothing;
    if (memcmp(id, &nothing, sizeof nothing) == 0) Py_RETURN_NONE;
    return glue_from_id(id);
}

static int glue_hash(PyObject *from, void *out) {
    if (!PyBytes_Check(from) || PyBytes_Size(from) != FARM_LEDGER_HASH_SIZE) {
        PyErr_Format(PyExc_ValueError, "a hash is %d bytes", FARM_LEDGER_HASH_SIZE);
        return 0;
    }
    memcpy(out, PyBytes_AsString(from), FARM_LEDGER_HASH_SIZE);
    return 1;
}

/* 1 once the value is in the tuple, which steals it. */
static int glue_put(PyObject *tuple, Py_ssize_t *place, PyObject *value) {
    return value != NULL && PyTuple_SetItem(tuple, (*place)++, value) == 0;
}

/* How many fields there are. */
#define I32(field) +1
#define U32(field) +1
#define I64(field) +1
#define TEXT(field) +1
#define BOOL(field) +1
#define FLAG(field) +1
#define ID(field) +1
#define HASH(field) +1
#define CHARS(field) +1
#define PART(field, name) +1
#define RECORD_IN(name, fields) enum { glue_width_##name = 0 fields };
#define RECORD_OUT RECORD_IN
#define RECORD_BOTH RECORD_IN
#define RECORD_PART RECORD_IN
#include "records.def"

#define GLUE_READ(field, convert)                                                                  \
    if (!convert(PyTuple_GetItem(from, place++), &out->field)) return 0;
#define I32(field) GLUE_READ(field, glue_int32)
#define U32(field) GLUE_READ(field, glue_uint32)
#define I64(field) GLUE_READ(field, glue_int64)
#define TEXT(field) GLUE_READ(field, glue_text_or_none)
#define BOOL(field) GLUE_READ(field, glue_int32)
#define FLAG BOOL
#define ID(field) GLUE_READ(field, glue_id_or_none)
#define HASH(field) GLUE_READ(field, glue_hash)
#define PART(field, name) GLUE_READ(field, glue_read_##name)
#define GLUE_READER(name, fields, set_size)                                                        \
    static int glue_read_##name(PyObject *from, void *into) {                                      \
        farm_##name *out = (farm_##name *)into;                                                    \
        Py_ssize_t place = 0;                                                                      \
        memset(out, 0, sizeof *out);                                                               \
        set_size;                                                                                  \
        if (!glue_check_tuple(from, glue_width_##name, #name)) return 0;                           \
        fields return 1;                                                                           \
    }
#define RECORD_IN(name, fields) GLUE_READER(name, fields, out->struct_size = sizeof *out)
#define RECORD_PART(name, fields) GLUE_READER(name, fields, (void)0)
#define RECORD_BOTH RECORD_IN
#define RECORD_OUT(name, fields)
#include "records.def"

#define GLUE_WRITE(value)                                                                          \
    if (!glue_put(tuple, &place, value)) {                                                         \
        Py_DECREF(tuple);                                                                          \
        return NULL;                                                                               \
    }
#define I32(field) GLUE_WRITE(PyLong_FromLong(from->field))
#define U32(field) GLUE_WRITE(PyLong_FromUnsignedLong(from->field))
#define I64(field) GLUE_WRITE(PyLong_FromLongLong(from->field))
#define BOOL(field) GLUE_WRITE(PyBool_FromLong(from->field))
#define CHARS(field) GLUE_WRITE(glue_from_text(from->field))
#define ID(field) GLUE_WRITE(glue_from_id_or_none(&from->field))
#define HASH(field) GLUE_WRITE(glue_from_bytes(from->field, sizeof from->field))
#define PART(field, name) GLUE_WRITE(glue_write_##name(&from->field))
#define RECORD_IN(name, fields)
#define RECORD_OUT(name, fields)                                                                   \
    static PyObject *glue_write_##name(const void *record) {                                       \
        const farm_##name *from = (const farm_##name *)record;                                     \
        Py_ssize_t place = 0;                                                                      \
        PyObject *tuple = PyTuple_New(glue_width_##name);                                          \
        if (tuple == NULL) return NULL;                                                            \
        fields return tuple;                                                                       \
    }
#define RECORD_BOTH RECORD_OUT
#define RECORD_PART RECORD_OUT
#include "records.def"

/* ----------------------------------------------------------------------------------- arrays */

/* Structs read from any iterable; all zero until glue_read_array(), freed whatever came of it. */
typedef struct glue_array {
    PyObject *held; /* a tuple of our own: what the texts in the items belong to */
    void *items;
    size_t count;
} glue_array;

static int glue_read_array(PyObject *from, size_t size, int (*read)(PyObject *, void *),
                           glue_array *out) {
    out->held = PySequence_Tuple(from);
    if (out->held == NULL) return 0;
    out->count = (size_t)PyTuple_Size(out->held);
    out->items = PyMem_Calloc(out->count + 1, size);
    if (out->items == NULL) {
        PyErr_NoMemory();
        return 0;
    }
    for (size_t i = 0; i < out->count; i++)
        if (!read(PyTuple_GetItem(out->held, (Py_ssize_t)i), (char *)out->items + i * size))
            return 0;
    return 1;
}

static void glue_free_array(glue_array *array) {
    PyMem_Free(array->items);
    Py_XDECREF(array->held);
}

static PyObject *glue_write_array(const void *items, size_t size, size_t count,
                                  PyObject *(*write)(const void *)) {
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list != NULL && i < count; i++) {
        PyObject *item = write((const char *)items + i * size);
        if (item == NULL)
            Py_CLEAR(list);
        else
            PyList_SetItem(list, (Py_ssize_t)i, item);
    }
    return list;
}

static int glue_read_id(PyObject *from, void *into) {
    return glue_id(from, (farm_id *)into);
}

static int glue_read_money_weight(PyObject *from, void *into) {
    return glue_int64(from, &((farm_money_weight *)into)->weight);
}

static PyObject *glue_write_int64(const void *number) {
    return PyLong_FromLongLong(*(const int64_t *)number);
}

enum { GLUE_PIECE_MAX = 1 << 26 };

static PyObject *glue_write_status(const void *status) {
    return PyLong_FromLong(*(const farm_status *)status);
}

/* An array for results, its elements marked with their size when they are structs. NULL with an
 * exception set when there is no memory. */
static void *glue_new_results(size_t count, size_t size, uint32_t struct_size) {
    void *results = PyMem_Calloc(count + 1, size);
    if (results == NULL) PyErr_NoMemory();
    for (size_t i = 0; results != NULL && struct_size > 0 && i < count; i++)
        memcpy((char *)results + i * size, &struct_size, sizeof struct_size);
    return results;
}

/* A take's requests and the states that it answered, read from a pair. */
typedef struct glue_answer {
    glue_array requests;
    glue_array states;
} glue_answer;

static int glue_read_answer(PyObject *from, glue_answer *out) {
    if (!glue_check_tuple(from, 2, "pair of requests and states")) return 0;
    if (!glue_read_array(PyTuple_GetItem(from, 0), sizeof(farm_rate_request),
                         glue_read_rate_request, &out->requests) ||
        !glue_read_array(PyTuple_GetItem(from, 1), sizeof(farm_rate_state), glue_read_rate_state,
                         &out->states))
        return 0;
    if (out->requests.count == out->states.count) return 1;
    PyErr_SetString(PyExc_ValueError, "there must be as many states as requests");
    return 0;
}

typedef struct glue_options {
    farm_pool_options pool;
    farm_session_options session;
} glue_options;

static int glue_read_options(PyObject *from, glue_options *out) {
    if (!glue_check_tuple(from, 2, "pair of options") ||
        !glue_read_pool_options(PyTuple_GetItem(from, 0), &out->pool) ||
        !glue_read_session_options(PyTuple_GetItem(from, 1), &out->session))
        return 0;
    out->pool.session = &out->session;
    return 1;
}

typedef struct glue_breakers_pair {
    farm_breakers_options set;
    farm_breaker_options breaker;
} glue_breakers_pair;

static int glue_read_breakers_pair(PyObject *from, glue_breakers_pair *out) {
    if (!glue_check_tuple(from, 2, "pair of options") ||
        !glue_read_breakers_options(PyTuple_GetItem(from, 0), &out->set) ||
        !glue_read_breaker_options(PyTuple_GetItem(from, 1), &out->breaker))
        return 0;
    out->set.breaker = &out->breaker;
    return 1;
}

/* ----------------------------------------------------------------------------------- values */

static int glue_read_bytes(PyObject *from, farm_value *out) {
    char *data;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(from, &data, &size) != 0) return 0;
    *out = (farm_value){.type = FARM_BLOB, .data = data, .size = (size_t)size};
    return 1;
}

/* A parameter of the host's own statement. */
static int glue_read_value(PyObject *from, void *into) {
    farm_value *out = (farm_value *)into;
    if (from == Py_None) return 1;
    if (PyUnicode_Check(from)) {
        const char *text;
        if (!glue_text(from, &text)) return 0;
        *out = (farm_value){.type = FARM_TEXT, .data = text, .size = strlen(text)};
        return 1;
    }
    if (PyBytes_Check(from)) return glue_read_bytes(from, out);
    if (PyLong_Check(from)) {
        out->type = FARM_INTEGER;
        return glue_int64(from, &out->integer);
    }
    PyErr_Format(PyExc_TypeError, "a parameter is an int, a str, bytes or None, not %.100s",
                 Py_TYPE(from)->tp_name);
    return 0;
}

static PyObject *glue_from_value(const farm_value *value) {
    if (value->type == FARM_INTEGER) return PyLong_FromLongLong(value->integer);
    if (value->type == FARM_TEXT)
        return PyUnicode_DecodeUTF8((const char *)value->data, (Py_ssize_t)value->size, "strict");
    if (value->type == FARM_BLOB)
        return PyBytes_FromStringAndSize((const char *)value->data, (Py_ssize_t)value->size);
    Py_RETURN_NONE;
}

static PyObject *glue_from_row(const farm_rows *rows, size_t row) {
    size_t width = farm_rows_column_count(rows);
    PyObject *tuple = PyTuple_New((Py_ssize_t)width);
    Py_ssize_t place = 0;
    while (tuple != NULL && (size_t)place < width)
        if (!glue_put(tuple, &place, glue_from_value(farm_rows_value(rows, row, (size_t)place))))
            Py_CLEAR(tuple);
    return tuple;
}

static PyObject *glue_from_rows(const farm_rows *rows) {
    size_t count = farm_rows_count(rows);
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list != NULL && i < count; i++) {
        PyObject *row = glue_from_row(rows, i);
        if (row == NULL)
            Py_CLEAR(list);
        else
            PyList_SetItem(list, (Py_ssize_t)i, row);
    }
    return list;
}

#endif
