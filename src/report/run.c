#include "report/run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"

// More names than a log of ours ever has: a stranger's file must not make endless charts.
#define MAX_SERIES 128
#define MAX_FILE ((uint64_t) 1 << 30)

static belay_status nomem(struct belay_log *log)
{
    return belay_fail_nomem(log, MAX_SERIES);
}

// ---- metrics.jsonl ----

static belay_status series_of(struct belay_log *log, struct belay_run *run, const char *name,
                              struct belay_series **out)
{
    *out = NULL;
    for (size_t i = 0; i < run->num_series && !*out; i++)
        if (strcmp(run->series[i].name, name) == 0)
            *out = &run->series[i];
    if (*out || run->num_series == MAX_SERIES)
        return BELAY_OK;
    if (!belay_grow((void **) &run->series, run->num_series, &run->series_capacity,
                    sizeof(*run->series)))
        return nomem(log);
    struct belay_series *s = &run->series[run->num_series];
    *s = (struct belay_series){ .name = belay_arena_strdup(&run->arena, name) };
    if (!s->name)
        return nomem(log);
    run->num_series++;
    *out = s;
    return BELAY_OK;
}

static belay_status add_point(struct belay_log *log, struct belay_run *run, const char *name,
                              double step, double value)
{
    struct belay_series *s;
    BELAY_TRY(series_of(log, run, name, &s));
    if (!s)
        return BELAY_OK;
    size_t capacity = s->capacity; // both arrays grow together
    if (!belay_grow((void **) &s->step, s->count, &capacity, sizeof(*s->step)))
        return nomem(log);
    if (capacity != s->capacity) {
        double *value_block = belay_realloc_array(s->value, capacity, sizeof(*s->value));
        if (!value_block)
            return nomem(log);
        s->value = value_block;
        s->capacity = capacity;
    }
    s->step[s->count] = step;
    s->value[s->count++] = value;
    run->has_nan |= !isfinite(value);
    return BELAY_OK;
}

static bool number_of(const struct belay_json *v, double *out)
{
    if (v->kind == BELAY_JSON_NULL) {
        *out = NAN;
        return true;
    }
    if (v->kind == BELAY_JSON_STRING && (strcmp(v->string, "NaN") == 0 ||
                                         strcmp(v->string, "Infinity") == 0 ||
                                         strcmp(v->string, "-Infinity") == 0)) {
        *out = NAN;
        return true;
    }
    *out = v->number;
    return v->kind == BELAY_JSON_INT || v->kind == BELAY_JSON_NUMBER;
}

static belay_status add_members(struct belay_log *log, struct belay_run *run,
                                const struct belay_json *object, const char *prefix, double step)
{
    char name[128];
    for (const struct belay_json *v = object->first; v; v = v->next) {
        double value;
        snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", v->key);
        if (v->kind == BELAY_JSON_OBJECT && !*prefix)
            BELAY_TRY(add_members(log, run, v, v->key, step));
        else if (strcmp(name, "step") != 0 && strcmp(name, "epoch") != 0 && number_of(v, &value))
            BELAY_TRY(add_point(log, run, name, step, value));
    }
    return BELAY_OK;
}

static belay_status add_line(struct belay_log *log, struct belay_run *run,
                             const struct belay_json *line)
{
    if (line->kind != BELAY_JSON_OBJECT)
        return BELAY_OK;
    run->step = belay_json_number_or(line, "step", run->step + 1);
    run->epoch = belay_json_number_or(line, "epoch", run->epoch);
    return add_members(log, run, line, "", run->step);
}

// What a line of a log is given to.
typedef belay_status (*line_fn)(struct belay_log *log, struct belay_run *run,
                                const struct belay_json *line);

static belay_status read_lines(struct belay_log *log, struct belay_run *run, const char *path,
                               char *text, size_t size, line_fn fn)
{
    const char *end = text + size;
    char place[4300];
    size_t number = 0;
    for (const char *line = text, *next; line < end; line = next) {
        struct belay_json_doc doc;
        const char *stop = memchr(line, '\n', (size_t) (end - line));
        if (!stop) // it is being written
            break;
        next = stop + 1;
        number++;
        if (stop == line)
            continue;
        snprintf(place, sizeof(place), "%s:%zu", path, number);
        BELAY_TRY(belay_json_parse(log, place, line, (size_t) (stop - line), &doc));
        belay_status status = fn(log, run, doc.root);
        belay_json_finish(&doc);
        BELAY_TRY(status);
    }
    return BELAY_OK;
}

static belay_status read_log(struct belay_log *log, struct belay_run *run, const char *name,
                             line_fn fn)
{
    char *text = NULL, *path = belay_path_join(run->dir, name);
    size_t size;
    if (!path)
        return nomem(log);
    belay_status status = belay_file_read(log, path, MAX_FILE, &text, &size);
    if (status == BELAY_OK)
        status = read_lines(log, run, path, text, size, fn);
    belay_free(text);
    belay_free(path);
    return status;
}

// Seconds are those of all of the run's processes.
static belay_status add_time(struct belay_log *log, struct belay_run *run,
                             const struct belay_json *line)
{
    double seconds = belay_json_number_or(line, "seconds", NAN);
    (void) log;
    if (!isfinite(seconds))
        return BELAY_OK;
    if (!isfinite(run->first_seconds)) {
        run->first_seconds = seconds;
        run->first_step = belay_json_number_or(line, "step", NAN);
    }
    run->seconds = seconds;
    return BELAY_OK;
}

// ---- resolved.yaml ----

static void add_text(struct belay_str *s, const struct belay_yaml *node)
{
    if (node->kind == BELAY_YAML_SCALAR) {
        belay_str_add(s, node->text);
        return;
    }
    belay_str_add(s, node->kind == BELAY_YAML_LIST ? "[" : "{");
    for (const struct belay_yaml *n = node->first; n; n = n->next) {
        if (n != node->first)
            belay_str_add(s, ", ");
        if (n->key)
            belay_str_addf(s, "%s: ", n->key);
        add_text(s, n);
    }
    belay_str_add(s, node->kind == BELAY_YAML_LIST ? "]" : "}");
}

static belay_status add_setting(struct belay_log *log, struct belay_run *run, const char *name,
                                const struct belay_yaml *node)
{
    struct belay_str text = { 0 };
    if (!belay_grow((void **) &run->settings, run->num_settings, &run->settings_capacity,
                    sizeof(*run->settings)))
        return nomem(log);
    add_text(&text, node);
    struct belay_setting *s = &run->settings[run->num_settings];
    s->name = belay_arena_strdup(&run->arena, name);
    s->text = text.failed ? NULL : belay_arena_strdup(&run->arena, text.text ? text.text : "");
    belay_str_free(&text);
    if (!s->name || !s->text)
        return nomem(log);
    run->num_settings++;
    return BELAY_OK;
}

static belay_status add_settings(struct belay_log *log, struct belay_run *run,
                                 const struct belay_yaml *map, const char *prefix)
{
    char name[256];
    for (const struct belay_yaml *n = map->first; n; n = n->next) {
        snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", n->key ? n->key : "");
        if (n->kind == BELAY_YAML_MAP)
            BELAY_TRY(add_settings(log, run, n, name));
        else
            BELAY_TRY(add_setting(log, run, name, n));
    }
    return BELAY_OK;
}

static belay_status read_recipe(struct belay_log *log, struct belay_run *run, const char *path)
{
    struct belay_yaml_doc doc = { 0 };
    size_t size;
    BELAY_TRY(belay_file_read(log, path, MAX_FILE, &run->recipe, &size));
    BELAY_TRY(belay_yaml_parse(log, path, run->recipe, &doc));
    belay_status status = add_settings(log, run, doc.root, "");
    belay_yaml_finish(&doc);
    return status;
}

// ---- all of it ----

static belay_status read_result(struct belay_log *log, struct belay_run *run, const char *path)
{
    char *text;
    size_t size;
    BELAY_TRY(belay_file_read(log, path, MAX_FILE, &text, &size));
    belay_status status = belay_json_parse(log, path, text, size, &run->result);
    belay_free(text);
    return status;
}

typedef belay_status (*file_fn)(struct belay_log *log, struct belay_run *run, const char *path);

static belay_status read_if_there(struct belay_log *log, struct belay_run *run, const char *name,
                                  file_fn fn)
{
    char *path = belay_path_join(run->dir, name);
    if (!path)
        return nomem(log);
    belay_status status = belay_file_exists(path) ? fn(log, run, path) : BELAY_OK;
    belay_free(path);
    return status;
}

static belay_status read_times(struct belay_log *log, struct belay_run *run, const char *path)
{
    (void) path;
    return read_log(log, run, "timing.jsonl", add_time);
}

// "max" for what is better when it is more, as the recipe says or by the name.
static bool maximizes(const struct belay_run *run)
{
    const char *mode = belay_run_setting(run, "stop.mode");
    if (mode && strcmp(mode, "auto") != 0)
        return strcmp(mode, "max") == 0;
    static const char *const errors[] = { "loss", "mae", "mse", "rmse", "log_loss", "perplexity",
                                          "brier", NULL };
    const char *dot = strrchr(run->monitor, '.'), *last = dot ? dot + 1 : run->monitor;
    for (size_t i = 0; errors[i]; i++)
        if (strcmp(last, errors[i]) == 0)
            return false;
    return true;
}

static void find_best(struct belay_run *run)
{
    const struct belay_series *s = belay_run_series(run, run->monitor);
    bool max = maximizes(run);
    run->best = run->best_step = NAN;
    for (size_t i = 0; s && i < s->count; i++) {
        double v = s->value[i];
        if (isfinite(v) && (isnan(run->best) || (max ? v > run->best : v < run->best))) {
            run->best = v;
            run->best_step = s->step[i];
        }
    }
}

static belay_status read_all(struct belay_log *log, const char *dir, struct belay_run *run)
{
    run->seconds = run->first_seconds = run->first_step = NAN;
    run->dir = belay_arena_strdup(&run->arena, dir);
    if (!run->dir)
        return nomem(log);
    BELAY_TRY(read_log(log, run, "metrics.jsonl", add_line));
    BELAY_TRY(read_if_there(log, run, "timing.jsonl", read_times));
    BELAY_TRY(read_if_there(log, run, "resolved.yaml", read_recipe));
    BELAY_TRY(read_if_there(log, run, "result.json", read_result));
    run->monitor = belay_run_setting(run, "stop.monitor");
    if (!run->monitor)
        run->monitor = "val.loss";
    find_best(run);
    return BELAY_OK;
}

belay_status belay_run_read(struct belay_log *log, const char *dir, struct belay_run *out)
{
    *out = (struct belay_run){ 0 };
    if (!belay_dir_exists(dir))
        return belay_fail(log, BELAY_ERR_IO, "%s: no such folder; a run folder is wanted", dir);
    belay_status status = read_all(log, dir, out);
    if (status != BELAY_OK)
        belay_run_finish(out);
    return status;
}

void belay_run_finish(struct belay_run *run)
{
    for (size_t i = 0; i < run->num_series; i++) {
        belay_free(run->series[i].step);
        belay_free(run->series[i].value);
    }
    belay_free(run->series);
    belay_free(run->settings);
    belay_free(run->recipe);
    belay_json_finish(&run->result);
    belay_arena_free(&run->arena);
    *run = (struct belay_run){ 0 };
}

const struct belay_series *belay_run_series(const struct belay_run *run, const char *name)
{
    for (size_t i = 0; i < run->num_series; i++)
        if (strcmp(run->series[i].name, name) == 0)
            return &run->series[i];
    return NULL;
}

const char *belay_run_setting(const struct belay_run *run, const char *name)
{
    for (size_t i = 0; i < run->num_settings; i++)
        if (strcmp(run->settings[i].name, name) == 0)
            return run->settings[i].text;
    return NULL;
}

static bool differs(const struct belay_run *runs, size_t num, const char *name)
{
    const char *first = belay_run_setting(&runs[0], name);
    for (size_t i = 1; i < num; i++) {
        const char *other = belay_run_setting(&runs[i], name);
        if (!first != !other || (first && strcmp(first, other) != 0))
            return true;
    }
    return false;
}

static bool listed(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

size_t belay_runs_differ(const struct belay_run *runs, size_t num, const char **names, size_t room)
{
    size_t count = 0;
    for (size_t r = 0; r < num; r++) {
        for (size_t i = 0; i < runs[r].num_settings && count < room; i++) {
            const char *name = runs[r].settings[i].name;
            if (strncmp(name, "run.", 4) != 0 && !listed(names, count, name) &&
                differs(runs, num, name))
                names[count++] = name;
        }
    }
    return count;
}
