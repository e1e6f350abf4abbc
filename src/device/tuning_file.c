// The tuning file's lines: strict reading, and writing.
#include <math.h>
#include <string.h>

#include "device/tuning.h"
#include "format/json.h"

#define VERSION 1

struct line {
    struct belay_log *log;
    const char *what;
    size_t number;
};

static belay_status fail(const struct line *line, const char *why, const char *name)
{
    return belay_fail(line->log, BELAY_ERR_DAMAGED, "%s: line %zu: %s%s", line->what, line->number,
                      why, name);
}

static belay_status check_keys(const struct line *line, const struct belay_json *object,
                               const char *const *keys)
{
    for (const struct belay_json *m = object->first; m; m = m->next) {
        size_t i = 0;
        while (keys[i] && strcmp(keys[i], m->key) != 0)
            i++;
        if (!keys[i])
            return fail(line, "unknown key ", m->key);
    }
    for (size_t i = 0; keys[i]; i++)
        if (!belay_json_get(object, keys[i]))
            return fail(line, "no key ", keys[i]);
    return BELAY_OK;
}

static belay_status number_of(const struct line *line, const struct belay_json *v, const char *key,
                              double *out)
{
    if (!v || (v->kind != BELAY_JSON_INT && v->kind != BELAY_JSON_NUMBER) || !isfinite(v->number) ||
        v->number <= 0)
        return fail(line, "want a positive number for ", key);
    *out = v->number;
    return BELAY_OK;
}

static belay_status number(const struct line *line, const struct belay_json *object,
                           const char *key, double unit, double *out)
{
    BELAY_TRY(number_of(line, belay_json_get(object, key), key, out));
    *out *= unit;
    return BELAY_OK;
}

static belay_status text(const struct line *line, const struct belay_json *object, const char *key,
                         const char **out)
{
    const struct belay_json *v = belay_json_get(object, key);
    if (!v || v->kind != BELAY_JSON_STRING || strlen(v->string) > 255)
        return fail(line, "want a text of at most 255 bytes for ", key);
    *out = v->string;
    return BELAY_OK;
}

static belay_status list(const struct line *line, const struct belay_json *object, const char *key,
                         double unit, double out[BELAY_BANDWIDTHS])
{
    const struct belay_json *v = belay_json_get(object, key);
    if (!v || v->kind != BELAY_JSON_ARRAY || v->count != BELAY_BANDWIDTHS)
        return fail(line, "want 3 numbers for ", key);
    int i = 0;
    for (const struct belay_json *e = v->first; e; e = e->next, i++) {
        BELAY_TRY(number_of(line, e, key, &out[i]));
        out[i] *= unit;
    }
    return BELAY_OK;
}

static belay_status read_limits(const struct line *line, const struct belay_json *o,
                                struct belay_tuned *out)
{
    static const char *const keys[] = { "v",   "device",  "kind",    "gflops", "gbs",
                                        "mib", "launch_us", "sync_us", "width",  NULL };
    belay_device_limits *l = &out->limits;
    double width = 0;
    BELAY_TRY(check_keys(line, o, keys));
    BELAY_TRY(number(line, o, "gflops", 1e9, &l->flops));
    BELAY_TRY(list(line, o, "gbs", 1e9, l->bandwidth));
    BELAY_TRY(list(line, o, "mib", 1048576, l->working));
    BELAY_TRY(number(line, o, "launch_us", 1e-6, &l->launch));
    BELAY_TRY(number(line, o, "sync_us", 1e-6, &l->sync));
    BELAY_TRY(number(line, o, "width", 1, &width));
    if (width > 64)
        return fail(line, "want at most 64 for ", "width");
    l->float_width = (uint32_t) width;
    out->gflops = l->flops / 1e9;
    return BELAY_OK;
}

static belay_status read_choice(const struct line *line, const struct belay_json *o,
                                struct belay_tuned *out)
{
    static const char *const keys[] = { "v",      "device", "kind", "shape",
                                        "choice", "gflops", NULL };
    BELAY_TRY(check_keys(line, o, keys));
    BELAY_TRY(text(line, o, "shape", &out->shape));
    BELAY_TRY(text(line, o, "choice", &out->choice));
    return number(line, o, "gflops", 1, &out->gflops);
}

static belay_status read_object(const struct line *line, const struct belay_json *o,
                                struct belay_tuned *out)
{
    double version = 0;
    if (o->kind != BELAY_JSON_OBJECT)
        return fail(line, "no object", "");
    BELAY_TRY(number(line, o, "v", 1, &version));
    if (version != VERSION)
        return fail(line, "made by another version of the file's format", "");
    *out = (struct belay_tuned){ .shape = "", .choice = "" };
    BELAY_TRY(text(line, o, "device", &out->device));
    BELAY_TRY(text(line, o, "kind", &out->kind));
    return strcmp(out->kind, "limits") == 0 ? read_limits(line, o, out)
                                            : read_choice(line, o, out);
}

static belay_status read_line(const struct line *line, const char *from, size_t size,
                              struct belay_tuning *t)
{
    struct belay_json_doc doc = { 0 };
    struct belay_log quiet = { 0 };
    struct belay_tuned entry;
    belay_status status = belay_json_parse(&quiet, "", from, size, &doc);
    if (status == BELAY_ERR_DAMAGED)
        status = fail(line, "no JSON", "");
    if (status == BELAY_OK)
        status = read_object(line, doc.root, &entry);
    if (status == BELAY_OK)
        status = belay_tuning_put(line->log, t, &entry);
    belay_json_finish(&doc);
    return status;
}

static belay_status read_all(struct line *line, const char *from, size_t size,
                             struct belay_tuning *t)
{
    for (const char *end = from + size; from < end;) {
        const char *stop = memchr(from, '\n', (size_t) (end - from));
        size_t length = (size_t) ((stop ? stop : end) - from);
        line->number++;
        if (length > 0)
            BELAY_TRY(read_line(line, from, length, t));
        from += length + 1;
    }
    return BELAY_OK;
}

belay_status belay_tuning_read(struct belay_log *log, const char *what, const char *from,
                               size_t size, struct belay_tuning *t)
{
    struct belay_tuning fresh = { 0 };
    struct line line = { log, what, 0 };
    belay_status status = read_all(&line, from, size, &fresh);
    for (size_t i = 0; i < fresh.num && status == BELAY_OK; i++)
        status = belay_tuning_put(log, t, &fresh.list[i]);
    belay_tuning_finish(&fresh);
    return status;
}

// ---- writing ----

// Few digits: for people, and the rest is noise.
static double rounded(double value)
{
    double power = pow(10, 3 - floor(log10(value)));
    return round(value * power) / power;
}

static void add_number(struct belay_str *out, const char *key, double value)
{
    belay_str_addf(out, ",\"%s\":", key);
    belay_str_add_double(out, rounded(value));
}

static void add_list(struct belay_str *out, const char *key, const double *values, double unit)
{
    belay_str_addf(out, ",\"%s\":[", key);
    for (int i = 0; i < BELAY_BANDWIDTHS; i++) {
        belay_str_add(out, i ? "," : "");
        belay_str_add_double(out, rounded(values[i] / unit));
    }
    belay_str_add(out, "]");
}

static void add_text(struct belay_str *out, const char *key, const char *value)
{
    belay_str_addf(out, ",\"%s\":", key);
    belay_str_add_json(out, value);
}

static void write_entry(const struct belay_tuned *e, struct belay_str *out)
{
    const belay_device_limits *l = &e->limits;
    belay_str_addf(out, "{\"v\":%d", VERSION);
    add_text(out, "device", e->device);
    add_text(out, "kind", e->kind);
    if (strcmp(e->kind, "limits") == 0) {
        add_number(out, "gflops", l->flops / 1e9);
        add_list(out, "gbs", l->bandwidth, 1e9);
        add_list(out, "mib", l->working, 1048576);
        add_number(out, "launch_us", l->launch * 1e6);
        add_number(out, "sync_us", l->sync * 1e6);
        add_number(out, "width", l->float_width);
    } else {
        add_text(out, "shape", e->shape);
        add_text(out, "choice", e->choice);
        add_number(out, "gflops", e->gflops);
    }
    belay_str_add(out, "}\n");
}

void belay_tuning_write(const struct belay_tuning *t, const char *device, struct belay_str *out)
{
    for (size_t i = 0; i < t->num; i++)
        if (!device || strcmp(t->list[i].device, device) == 0)
            write_entry(&t->list[i], out);
}
