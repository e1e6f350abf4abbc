#include "device/opencl/trim.h"

#include <ctype.h>
#include <string.h>

// ---- lines ----

struct line {
    const char *at;
    size_t length; // without the line end
    bool inside;   // goes on from the line before by a backslash
};

// The next line; false at the end. Begin with { NULL }.
static bool next_line(const char *text, struct line *l)
{
    const char *at = text;
    if (l->at) {
        l->inside = l->length > 0 && l->at[l->length - 1] == '\\';
        at = l->at + l->length;
        at += *at == '\n';
    }
    if (!*at)
        return false;
    l->at = at;
    l->length = strcspn(at, "\n");
    return true;
}

static bool starts(const struct line *l, const char *with)
{
    size_t length = strlen(with);
    return l->length >= length && memcmp(l->at, with, length) == 0;
}

static bool is_word(char c)
{
    return isalnum((unsigned char) c) || c == '_';
}

struct word {
    const char *at;
    size_t length;
};

static struct word word_at(const char *at, const char *end)
{
    struct word w = { at, 0 };
    while (at + w.length < end && is_word(at[w.length]))
        w.length++;
    return w;
}

// The word that ends before `end`.
static struct word word_before(const char *from, const char *end)
{
    while (end > from && end[-1] == ' ')
        end--;
    struct word w = { end, 0 };
    while (w.at > from && is_word(w.at[-1])) {
        w.at--;
        w.length++;
    }
    return w;
}

static bool same(struct word w, const char *text)
{
    return strlen(text) == w.length && memcmp(text, w.at, w.length) == 0;
}

// ---- kernels ----

// `kernel void name(`
static bool is_kernel(const struct line *l, struct word *name)
{
    const char *open;
    if (l->inside || !starts(l, "kernel "))
        return false;
    open = memchr(l->at, '(', l->length);
    if (!open)
        return false;
    *name = word_before(l->at, open);
    return name->length > 0 && l->at + strlen("kernel void ") == name->at;
}

// `MACRO(name, …`
static bool is_call(const struct line *l, struct word *macro, struct word *argument)
{
    const char *end = l->at + l->length;
    if (l->inside || l->length == 0 || !isupper((unsigned char) l->at[0]))
        return false;
    *macro = word_at(l->at, end);
    if (macro->at + macro->length >= end || macro->at[macro->length] != '(')
        return false;
    *argument = word_at(macro->at + macro->length + 1, end);
    return argument->length > 0;
}

// Where "#define name" stands: its line.
static bool find_macro(const char *text, struct word name, struct line *out)
{
    static const char define[] = "#define ";
    struct line l = { NULL, 0, false };
    while (text && next_line(text, &l)) {
        if (!starts(&l, define))
            continue;
        struct word w = word_at(l.at + sizeof(define) - 1, l.at + l.length);
        if (w.length == name.length && memcmp(w.at, name.at, w.length) == 0) {
            *out = l;
            return true;
        }
    }
    return false;
}

static bool speaks_of_kernels(const struct line *l)
{
    static const char word[] = "kernel";
    for (size_t i = 0; i + sizeof(word) - 1 <= l->length; i++) {
        size_t k = 0;
        while (word[k] && tolower((unsigned char) l->at[i + k]) == word[k])
            k++;
        if (!word[k])
            return true;
    }
    return false;
}

static bool makes_kernels(const char *text, const char *macros, struct word macro)
{
    struct line l;
    const char *where = find_macro(text, macro, &l)     ? text
                        : find_macro(macros, macro, &l) ? macros
                                                        : NULL;
    if (!where)
        return false;
    do
        if (speaks_of_kernels(&l))
            return true;
    while (next_line(where, &l) && l.inside);
    return false;
}

static bool wanted(struct word name, bool as_prefix, const char *const *kernels, size_t num)
{
    for (size_t i = 0; i < num; i++)
        if (as_prefix ? strncmp(kernels[i], name.at, name.length) == 0 : same(name, kernels[i]))
            return true;
    return false;
}

void belay_cl_trim(const char *text, const char *macros, const char *const *kernels, size_t num,
                   struct belay_str *out)
{
    enum { KEEP, TO_BRACE, TO_PARENTHESIS } mode = KEEP;
    struct line l = { NULL, 0, false };
    struct word name, macro;
    while (next_line(text, &l)) {
        if (mode == KEEP && is_kernel(&l, &name) && !wanted(name, false, kernels, num))
            mode = TO_BRACE;
        else if (mode == KEEP && is_call(&l, &macro, &name) &&
                 !wanted(name, true, kernels, num) && makes_kernels(text, macros, macro))
            mode = TO_PARENTHESIS;
        if (mode == KEEP)
            belay_str_add_bytes(out, l.at, l.length);
        belay_str_add(out, "\n");
        if ((mode == TO_BRACE && starts(&l, "}")) ||
            (mode == TO_PARENTHESIS && l.length && l.at[l.length - 1] == ')'))
            mode = KEEP;
    }
}

// ---- names ----

static void add_name(struct belay_cl_names *names, struct word w)
{
    if (w.length == 0 || names->failed)
        return;
    char *copy = belay_arena_alloc(&names->arena, w.length + 1);
    if (!copy || !belay_grow((void **) &names->name, names->num, &names->capacity,
                             sizeof(*names->name))) {
        names->failed = true;
        return;
    }
    memcpy(copy, w.at, w.length);
    names->name[names->num++] = copy;
}

static bool is_macro(const struct line *l, struct word *name)
{
    static const char define[] = "#define ";
    if (l->inside || !starts(l, define))
        return false;
    *name = word_at(l->at + sizeof(define) - 1, l->at + l->length);
    return true;
}

void belay_cl_names_of(const char *text, struct belay_cl_names *out)
{
    struct line l = { NULL, 0, false };
    struct word name, macro;
    while (next_line(text, &l)) {
        if (is_macro(&l, &name)) {
            add_name(out, name);
        } else if (is_call(&l, &macro, &name)) {
            add_name(out, name);
        } else if (!l.inside && l.length && (isalpha((unsigned char) l.at[0]) || *l.at == '_')) {
            size_t before = 0;
            if (starts(&l, "__attribute__((")) // … of a function
                while (before < l.length && l.at[before] != ' ')
                    before++;
            while (before < l.length && !strchr("(=[;{", l.at[before]))
                before++;
            add_name(out, word_before(l.at, l.at + before));
        }
    }
}

bool belay_cl_names_have(const struct belay_cl_names *names, const char *name)
{
    for (size_t i = 0; i < names->num; i++)
        if (strcmp(names->name[i], name) == 0)
            return true;
    return false;
}

void belay_cl_names_join(struct belay_cl_names *names, const struct belay_cl_names *more)
{
    for (size_t i = 0; i < more->num; i++)
        add_name(names, (struct word){ more->name[i], strlen(more->name[i]) });
}

void belay_cl_names_free(struct belay_cl_names *names)
{
    belay_arena_free(&names->arena);
    belay_free(names->name);
    *names = (struct belay_cl_names){ 0 };
}

void belay_cl_forget_macros(const char *text, struct belay_str *out)
{
    struct line l = { NULL, 0, false };
    struct word name;
    while (next_line(text, &l))
        if (is_macro(&l, &name))
            belay_str_addf(out, "#undef %.*s\n", (int) name.length, name.at);
}
