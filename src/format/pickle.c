#include "format/pickle.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "format/pickle_machine.h"

typedef struct belay_pickle_object object;

belay_status belay_pickle_damaged(const struct belay_pickle *p, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return belay_fail(p->log, BELAY_ERR_DAMAGED, "%s: byte %zu of its pickle: %s", p->file, p->at,
                      text);
}

belay_status belay_pickle_refuse(const struct belay_pickle *p, const char *format, ...)
{
    char text[700];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return belay_fail(p->log, BELAY_ERR_UNSUPPORTED, "%s: %s", p->file, text);
}

belay_status belay_pickle_new(struct belay_pickle *p, enum belay_pickle_kind kind, object **out)
{
    object *made = belay_arena_alloc(&p->arena, sizeof(*made));
    if (!made)
        return belay_fail_nomem(p->log, sizeof(*made));
    made->kind = kind;
    *out = made;
    return BELAY_OK;
}

belay_status belay_pickle_pay(struct belay_pickle *p, size_t count)
{
    size_t most = 1024 + (p->size < SIZE_MAX / 32 ? 16 * p->size : SIZE_MAX / 2);
    p->copied += count < most ? count : most;
    if (p->copied >= most)
        return belay_pickle_damaged(p, "it unpacks to many times its own size");
    return BELAY_OK;
}

belay_status belay_pickle_append(struct belay_pickle *p, object *to, object *item)
{
    if (to->count == to->capacity) {
        size_t room = to->capacity ? 2 * to->capacity : 4;
        BELAY_TRY(belay_pickle_pay(p, to->count));
        object **items = belay_arena_array(&p->arena, room, sizeof(*items));
        if (!items)
            return belay_fail_nomem(p->log, room * sizeof(*items));
        if (to->count)
            memcpy(items, to->items, to->count * sizeof(*items));
        to->items = items;
        to->capacity = room;
    }
    to->items[to->count++] = item;
    return BELAY_OK;
}

// ---- input ----

static belay_status take(struct belay_pickle *p, size_t size, const unsigned char **out)
{
    if (size > p->size - p->at)
        return belay_pickle_damaged(p, "%zu bytes wanted, %zu are left", size, p->size - p->at);
    *out = (const unsigned char *) p->text + p->at;
    p->at += size;
    return BELAY_OK;
}

// A little-endian number of at most 8 bytes.
static belay_status take_number(struct belay_pickle *p, size_t size, uint64_t *out)
{
    const unsigned char *bytes = NULL;
    uint64_t value = 0;
    BELAY_TRY(take(p, size, &bytes));
    for (size_t i = size; i > 0; i--)
        value = value << 8 | bytes[i - 1];
    *out = value;
    return BELAY_OK;
}

static belay_status take_line(struct belay_pickle *p, const char **line, size_t *size)
{
    const char *start = p->text + p->at;
    const char *end = memchr(start, '\n', p->size - p->at);
    if (!end)
        return belay_pickle_damaged(p, "a name does not end");
    *line = start;
    *size = (size_t) (end - start);
    p->at += *size + 1;
    return BELAY_OK;
}

// ---- stack, marks, memo ----

static belay_status push(struct belay_pickle *p, object *item)
{
    if (!belay_grow((void **) &p->stack, p->depth, &p->stack_room, sizeof(*p->stack)))
        return belay_fail_nomem(p->log, p->depth * sizeof(*p->stack));
    p->stack[p->depth++] = item;
    return BELAY_OK;
}

// What lies below the last mark belongs to somebody else.
static size_t floor_of(const struct belay_pickle *p)
{
    return p->num_marks ? p->marks[p->num_marks - 1] : 0;
}

static belay_status pop(struct belay_pickle *p, object **out)
{
    if (p->depth == floor_of(p))
        return belay_pickle_damaged(p, "the stack is empty");
    *out = p->stack[--p->depth];
    return BELAY_OK;
}

static belay_status top(struct belay_pickle *p, object **out)
{
    if (p->depth == floor_of(p))
        return belay_pickle_damaged(p, "the stack is empty");
    *out = p->stack[p->depth - 1];
    return BELAY_OK;
}

static belay_status mark(struct belay_pickle *p)
{
    if (!belay_grow((void **) &p->marks, p->num_marks, &p->marks_room, sizeof(*p->marks)))
        return belay_fail_nomem(p->log, p->num_marks * sizeof(*p->marks));
    p->marks[p->num_marks++] = p->depth;
    return BELAY_OK;
}

// Takes the objects above the last mark: *first is the place of the first.
static belay_status pop_mark(struct belay_pickle *p, size_t *first)
{
    if (!p->num_marks)
        return belay_pickle_damaged(p, "a mark is missing");
    *first = p->marks[--p->num_marks];
    return BELAY_OK;
}

// An index above the file's size was not made by counting.
static belay_status memo_put(struct belay_pickle *p, uint64_t index)
{
    object *item = NULL;
    BELAY_TRY(top(p, &item));
    if (index > p->size)
        return belay_pickle_damaged(p, "memo index %llu", (unsigned long long) index);
    while (p->memo_room <= index) {
        size_t room = p->memo_room;
        if (!belay_grow((void **) &p->memo, room, &p->memo_room, sizeof(*p->memo)))
            return belay_fail_nomem(p->log, p->memo_room * sizeof(*p->memo));
        memset(p->memo + room, 0, (p->memo_room - room) * sizeof(*p->memo));
    }
    p->memo[index] = item;
    p->memo_count = p->memo_count > index ? p->memo_count : (size_t) index + 1;
    return BELAY_OK;
}

static belay_status memo_get(struct belay_pickle *p, uint64_t index)
{
    if (index >= p->memo_room || !p->memo[index])
        return belay_pickle_damaged(p, "nothing was put at memo index %llu",
                                    (unsigned long long) index);
    return push(p, p->memo[index]);
}

// ---- values ----

static belay_status push_new(struct belay_pickle *p, enum belay_pickle_kind kind, object **out)
{
    BELAY_TRY(belay_pickle_new(p, kind, out));
    return push(p, *out);
}

static belay_status push_int(struct belay_pickle *p, int64_t value)
{
    object *made = NULL;
    BELAY_TRY(push_new(p, BELAY_PICKLE_INT, &made));
    made->integer = value;
    return BELAY_OK;
}

static belay_status push_bool(struct belay_pickle *p, bool value)
{
    object *made = NULL;
    BELAY_TRY(push_new(p, BELAY_PICKLE_BOOL, &made));
    made->boolean = value;
    return BELAY_OK;
}

static belay_status push_float(struct belay_pickle *p)
{
    const unsigned char *bytes = NULL;
    uint64_t bits = 0;
    object *made = NULL;
    BELAY_TRY(take(p, 8, &bytes));
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | bytes[i];
    BELAY_TRY(push_new(p, BELAY_PICKLE_FLOAT, &made));
    memcpy(&made->number, &bits, sizeof(bits));
    return BELAY_OK;
}

// LONG1, LONG4: two's complement of any length.
static belay_status push_long(struct belay_pickle *p, size_t length_size)
{
    const unsigned char *bytes = NULL;
    uint64_t length = 0, bits;
    object *made = NULL;
    BELAY_TRY(take_number(p, length_size, &length));
    if (length > 255)
        return belay_pickle_refuse(p, "holds a number of %llu bytes", (unsigned long long) length);
    BELAY_TRY(take(p, (size_t) length, &bytes));
    while (length > 8 && bytes[length - 1] == (bytes[length - 2] & 0x80 ? 0xFF : 0))
        length--;
    if (length > 8) {
        BELAY_TRY(push_new(p, BELAY_PICKLE_BIG, &made));
        made->text = (const char *) bytes;
        made->size = (size_t) length;
        return BELAY_OK;
    }
    bits = length && bytes[length - 1] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = (size_t) length; i > 0; i--)
        bits = bits << 8 | bytes[i - 1];
    return push_int(p, (int64_t) bits);
}

static belay_status push_text(struct belay_pickle *p, size_t length_size, bool utf8)
{
    const unsigned char *bytes = NULL;
    uint64_t length = 0;
    object *made = NULL;
    BELAY_TRY(take_number(p, length_size, &length));
    if (length > p->size - p->at)
        return belay_pickle_damaged(p, "a text of %llu bytes, %zu are left",
                                    (unsigned long long) length, p->size - p->at);
    BELAY_TRY(take(p, (size_t) length, &bytes));
    for (size_t at = 0, step; utf8 && at < length; at += step) {
        step = belay_utf8_next((const char *) bytes + at, (size_t) length - at, NULL);
        if (!step)
            return belay_pickle_damaged(p, "a text is not UTF-8");
    }
    BELAY_TRY(push_new(p, utf8 ? BELAY_PICKLE_TEXT : BELAY_PICKLE_BYTES, &made));
    made->text = (const char *) bytes;
    made->size = (size_t) length;
    return BELAY_OK;
}

// ---- containers ----

static belay_status make_tuple(struct belay_pickle *p, size_t first)
{
    object *made = NULL;
    BELAY_TRY(belay_pickle_new(p, BELAY_PICKLE_TUPLE, &made));
    made->count = made->capacity = p->depth - first;
    made->items = belay_arena_array(&p->arena, made->count, sizeof(*made->items));
    if (!made->items)
        return belay_fail_nomem(p->log, made->count * sizeof(*made->items));
    if (made->count)
        memcpy(made->items, p->stack + first, made->count * sizeof(*made->items));
    p->depth = first;
    return push(p, made);
}

static belay_status make_small_tuple(struct belay_pickle *p, size_t count)
{
    if (p->depth - floor_of(p) < count)
        return belay_pickle_damaged(p, "the stack is too small for a tuple");
    return make_tuple(p, p->depth - count);
}

static belay_status make_marked_tuple(struct belay_pickle *p)
{
    size_t first = 0;
    BELAY_TRY(pop_mark(p, &first));
    return make_tuple(p, first);
}

static belay_status append_all(struct belay_pickle *p, size_t first, enum belay_pickle_kind kind)
{
    object *to = NULL;
    size_t end = p->depth;
    if (kind == BELAY_PICKLE_DICT && (end - first) % 2)
        return belay_pickle_damaged(p, "a key without value");
    p->depth = first;
    BELAY_TRY(top(p, &to));
    if (to->kind != kind)
        return belay_pickle_damaged(p, "items are added to what is no %s",
                                    kind == BELAY_PICKLE_DICT ? "dict" : "list");
    for (size_t i = first; i < end; i++)
        BELAY_TRY(belay_pickle_append(p, to, p->stack[i]));
    return BELAY_OK;
}

static belay_status append_marked(struct belay_pickle *p, enum belay_pickle_kind kind)
{
    size_t first = 0;
    BELAY_TRY(pop_mark(p, &first));
    return append_all(p, first, kind);
}

static belay_status append_few(struct belay_pickle *p, size_t count, enum belay_pickle_kind kind)
{
    if (p->depth - floor_of(p) < count)
        return belay_pickle_damaged(p, "the stack is too small");
    return append_all(p, p->depth - count, kind);
}

// ---- calls ----

static belay_status global(struct belay_pickle *p)
{
    const char *module = NULL, *name = NULL;
    size_t module_size = 0, name_size = 0;
    object *made = NULL;
    BELAY_TRY(take_line(p, &module, &module_size));
    BELAY_TRY(take_line(p, &name, &name_size));
    BELAY_TRY(belay_pickle_find_name(p, module, module_size, name, name_size, &made));
    return push(p, made);
}

static belay_status stack_global(struct belay_pickle *p)
{
    object *module = NULL, *name = NULL, *made = NULL;
    BELAY_TRY(pop(p, &name));
    BELAY_TRY(pop(p, &module));
    if (module->kind != BELAY_PICKLE_TEXT || name->kind != BELAY_PICKLE_TEXT)
        return belay_pickle_damaged(p, "a name that is no text");
    BELAY_TRY(belay_pickle_find_name(p, module->text, module->size, name->text, name->size, &made));
    return push(p, made);
}

static belay_status reduce(struct belay_pickle *p)
{
    object *callable = NULL, *args = NULL, *made = NULL;
    BELAY_TRY(pop(p, &args));
    BELAY_TRY(pop(p, &callable));
    BELAY_TRY(belay_pickle_reduce(p, callable, args, &made));
    return push(p, made);
}

static belay_status persistent(struct belay_pickle *p, bool legacy)
{
    object *id = NULL, *made = NULL;
    BELAY_TRY(pop(p, &id));
    BELAY_TRY(belay_pickle_persistent(p, id, legacy, &made));
    return push(p, made);
}

// The attributes of an OrderedDict (`_metadata`) say nothing about weights: dropped.
static belay_status build(struct belay_pickle *p)
{
    object *state = NULL, *target = NULL;
    BELAY_TRY(pop(p, &state));
    BELAY_TRY(top(p, &target));
    if (target->kind != BELAY_PICKLE_DICT)
        return belay_pickle_refuse(p, "sets attributes of an object that is no dict");
    return BELAY_OK;
}

// ---- the machine ----

enum { // opcodes
    OP_MARK = '(', OP_STOP = '.', OP_BINFLOAT = 'G', OP_BININT = 'J', OP_BININT1 = 'K',
    OP_BININT2 = 'M', OP_NONE = 'N', OP_BINPERSID = 'Q', OP_REDUCE = 'R', OP_BINSTRING = 'T',
    OP_SHORT_BINSTRING = 'U', OP_BINUNICODE = 'X', OP_EMPTY_LIST = ']', OP_APPEND = 'a',
    OP_BUILD = 'b', OP_GLOBAL = 'c', OP_EMPTY_DICT = '}', OP_APPENDS = 'e', OP_BINGET = 'h',
    OP_LONG_BINGET = 'j', OP_BINPUT = 'q', OP_LONG_BINPUT = 'r', OP_SETITEM = 's', OP_TUPLE = 't',
    OP_EMPTY_TUPLE = ')', OP_SETITEMS = 'u', OP_PROTO = 0x80, OP_TUPLE1 = 0x85, OP_TUPLE2 = 0x86,
    OP_TUPLE3 = 0x87, OP_NEWTRUE = 0x88, OP_NEWFALSE = 0x89, OP_LONG1 = 0x8a, OP_LONG4 = 0x8b,
    OP_BINBYTES = 'B', OP_SHORT_BINBYTES = 'C', OP_SHORT_BINUNICODE = 0x8c, OP_BINUNICODE8 = 0x8d,
    OP_BINBYTES8 = 0x8e, OP_EMPTY_SET = 0x8f, OP_ADDITEMS = 0x90, OP_STACK_GLOBAL = 0x93,
    OP_MEMOIZE = 0x94, OP_FRAME = 0x95,
};

static belay_status step_number(struct belay_pickle *p, int op)
{
    uint64_t n = 0;
    switch (op) {
    case OP_BININT:
        BELAY_TRY(take_number(p, 4, &n));
        return push_int(p, (int32_t) (uint32_t) n);
    case OP_BININT1:
        BELAY_TRY(take_number(p, 1, &n));
        return push_int(p, (int64_t) n);
    case OP_BININT2:
        BELAY_TRY(take_number(p, 2, &n));
        return push_int(p, (int64_t) n);
    case OP_LONG1:
        return push_long(p, 1);
    case OP_LONG4:
        return push_long(p, 4);
    default:
        return push_float(p);
    }
}

static belay_status step_memo(struct belay_pickle *p, int op)
{
    uint64_t n = p->memo_count;
    if (op != OP_MEMOIZE)
        BELAY_TRY(take_number(p, op == OP_BINPUT || op == OP_BINGET ? 1 : 4, &n));
    return op == OP_BINGET || op == OP_LONG_BINGET ? memo_get(p, n) : memo_put(p, n);
}

static belay_status step_text(struct belay_pickle *p, int op)
{
    switch (op) {
    case OP_BINUNICODE:
        return push_text(p, 4, true);
    case OP_SHORT_BINUNICODE:
    case OP_SHORT_BINSTRING:
        return push_text(p, 1, true);
    case OP_BINUNICODE8:
        return push_text(p, 8, true);
    case OP_BINSTRING:
        return push_text(p, 4, true);
    case OP_BINBYTES:
        return push_text(p, 4, false);
    case OP_BINBYTES8:
        return push_text(p, 8, false);
    default:
        return push_text(p, 1, false);
    }
}

static belay_status step_container(struct belay_pickle *p, int op)
{
    object *made = NULL;
    switch (op) {
    case OP_EMPTY_LIST:
    case OP_EMPTY_SET:
        return push_new(p, BELAY_PICKLE_LIST, &made);
    case OP_EMPTY_DICT:
        return push_new(p, BELAY_PICKLE_DICT, &made);
    case OP_EMPTY_TUPLE:
        return push_new(p, BELAY_PICKLE_TUPLE, &made);
    case OP_TUPLE1:
        return make_small_tuple(p, 1);
    case OP_TUPLE2:
        return make_small_tuple(p, 2);
    case OP_TUPLE3:
        return make_small_tuple(p, 3);
    case OP_TUPLE:
        return make_marked_tuple(p);
    case OP_APPEND:
        return append_few(p, 1, BELAY_PICKLE_LIST);
    case OP_APPENDS:
    case OP_ADDITEMS:
        return append_marked(p, BELAY_PICKLE_LIST);
    case OP_SETITEM:
        return append_few(p, 2, BELAY_PICKLE_DICT);
    default:
        return append_marked(p, BELAY_PICKLE_DICT);
    }
}

static belay_status step_proto(struct belay_pickle *p, int op)
{
    uint64_t n = 0;
    BELAY_TRY(take_number(p, op == OP_FRAME ? 8 : 1, &n));
    if (op == OP_PROTO && (n < 2 || n > 5))
        return belay_pickle_refuse(p, "pickle protocol %llu, 2 to 5 are read",
                                   (unsigned long long) n);
    return BELAY_OK;
}

static belay_status step(struct belay_pickle *p, int op, bool legacy)
{
    object *made = NULL;
    switch (op) {
    case OP_PROTO: case OP_FRAME:
        return step_proto(p, op);
    case OP_MARK:
        return mark(p);
    case OP_NONE:
        return push_new(p, BELAY_PICKLE_NONE, &made);
    case OP_NEWTRUE: case OP_NEWFALSE:
        return push_bool(p, op == OP_NEWTRUE);
    case OP_BININT: case OP_BININT1: case OP_BININT2: case OP_LONG1: case OP_LONG4:
    case OP_BINFLOAT:
        return step_number(p, op);
    case OP_BINUNICODE: case OP_SHORT_BINUNICODE: case OP_BINUNICODE8: case OP_BINSTRING:
    case OP_SHORT_BINSTRING: case OP_BINBYTES: case OP_SHORT_BINBYTES: case OP_BINBYTES8:
        return step_text(p, op);
    case OP_EMPTY_LIST: case OP_EMPTY_SET: case OP_EMPTY_DICT: case OP_EMPTY_TUPLE: case OP_TUPLE1:
    case OP_TUPLE2: case OP_TUPLE3: case OP_TUPLE: case OP_APPEND: case OP_APPENDS:
    case OP_ADDITEMS: case OP_SETITEM: case OP_SETITEMS:
        return step_container(p, op);
    case OP_BINPUT: case OP_LONG_BINPUT: case OP_BINGET: case OP_LONG_BINGET: case OP_MEMOIZE:
        return step_memo(p, op);
    case OP_GLOBAL:
        return global(p);
    case OP_STACK_GLOBAL:
        return stack_global(p);
    case OP_REDUCE:
        return reduce(p);
    case OP_BUILD:
        return build(p);
    case OP_BINPERSID:
        return persistent(p, legacy);
    default:
        return belay_pickle_refuse(p, "opcode 0x%02x of Python's pickle: not needed for a state "
                                      "dict, and nothing else is run", op);
    }
}

static belay_status run(struct belay_pickle *p, bool legacy, object **out)
{
    for (;;) {
        const unsigned char *op = NULL;
        BELAY_TRY(take(p, 1, &op));
        if (*op == OP_STOP)
            break;
        BELAY_TRY(step(p, *op, legacy));
    }
    if (p->num_marks)
        return belay_pickle_damaged(p, "it ends inside a container");
    return pop(p, out);
}

belay_status belay_pickle_read(struct belay_pickle *p, const char *text, size_t size, bool legacy,
                               object **out)
{
    p->text = text;
    p->size = size;
    p->at = p->depth = p->num_marks = p->memo_count = p->copied = 0;
    if (p->memo_room)
        memset(p->memo, 0, p->memo_room * sizeof(*p->memo));
    return run(p, legacy, out);
}

void belay_pickle_finish(struct belay_pickle *p)
{
    belay_arena_free(&p->arena);
    belay_free(p->stack);
    belay_free(p->memo);
    belay_free(p->marks);
    belay_free(p->table);
    *p = (struct belay_pickle){ 0 };
}
