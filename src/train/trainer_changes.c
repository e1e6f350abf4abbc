// What a resume changes of a run's recipe: what it may, what it may with a warning, what it may not;
// and the run's history file.
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "train/recipe_inner.h"
#include "train/trainer_internal.h"

enum change_kind { CHANGE_SILENT, CHANGE_FREE, CHANGE_WARN, CHANGE_REFUSE };

// The first prefix that fits decides. Which files the data come from is free: their content must be
// the same, that is checked when the checkpoint is read.
static const struct {
    const char *prefix;
    enum change_kind kind;
    const char *why;
} rules[] = {
    { "run.", CHANGE_SILENT, "" },
    { "device", CHANGE_SILENT, "" }, // told where the checkpoint is read
    { "stop.monitor", CHANGE_REFUSE, "the best so far is of another value; --reset-monitor=all "
                                     "begins a new one" },
    { "stop.mode", CHANGE_REFUSE, "the best so far is the best the other way; --reset-monitor=all "
                                  "begins a new one" },
    { "stop", CHANGE_FREE, "" },
    { "checkpoint", CHANGE_FREE, "" },
    { "train.epochs", CHANGE_FREE, "" },
    { "train.steps", CHANGE_FREE, "" },
    { "train.time", CHANGE_FREE, "" },
    { "metrics", CHANGE_FREE, "" },
    { "data.root", CHANGE_FREE, "" },
    { "data.train", CHANGE_FREE, "" },
    { "data.test", CHANGE_FREE, "" },
    { "data.shuffle", CHANGE_WARN, "the order of the rows is another from here on" },
    { "data.sampling", CHANGE_WARN, "the rows are drawn otherwise from here on" },
    { "model", CHANGE_REFUSE, "the checkpoint's weights are of the old model" },
    { "data", CHANGE_REFUSE, "the checkpoint's weights have seen other data" },
    { "split", CHANGE_REFUSE, "rows that were trained on would validate" },
    { "loss", CHANGE_REFUSE, "the best so far is of another loss" },
    { "heads", CHANGE_REFUSE, "the best so far is of other heads" },
    { "optimizer.name", CHANGE_REFUSE, "the checkpoint's moments are of the old optimizer" },
    { "init", CHANGE_WARN, "the weights come from the checkpoint" },
    { "", CHANGE_WARN, "the run goes on from here as no run from the start would" },
};

struct changes {
    struct belay_trainer *t;
    struct belay_str json; // list of {"key", "from", "to"}
    belay_status status;
};

static size_t rule_of(const char *path)
{
    size_t i = 0;
    while (strncmp(path, rules[i].prefix, strlen(rules[i].prefix)) != 0)
        i++;
    return i;
}

static void add_change(struct changes *c, const char *path, const char *from, const char *to)
{
    belay_str_add(&c->json, c->json.length ? ",{\"key\":" : "{\"key\":");
    belay_str_add_json(&c->json, path);
    belay_str_add(&c->json, ",\"from\":");
    belay_str_add_json(&c->json, from);
    belay_str_add(&c->json, ",\"to\":");
    belay_str_add_json(&c->json, to);
    belay_str_add(&c->json, "}");
}

static void judge(struct changes *c, const char *path, const char *from, const char *to)
{
    struct belay_trainer *t = c->t;
    size_t rule = rule_of(path);
    enum change_kind kind = rules[rule].kind;
    if (kind == CHANGE_SILENT || c->status != BELAY_OK)
        return;
    bool monitor = strncmp(path, "stop.mo", 7) == 0;
    if (kind == CHANGE_REFUSE && !(monitor && belay_str_equal(t->reset_monitor, "all"))) {
        c->status = belay_fail(
            t->log, BELAY_ERR_MISMATCH,
            "%s is '%.80s', the run began with '%.80s': %s.%s%s%s", path, to, from, rules[rule].why,
            monitor ? "" : " A new run can begin with these weights: belay train RECIPE --from ",
            monitor ? "" : t->paths.dir, monitor ? "" : "@best");
        return;
    }
    add_change(c, path, from, to);
    if (kind == CHANGE_WARN)
        belay_say(t->log, BELAY_LOG_WARN, "changed: %s was %.80s, is %.80s: %s", path, from, to,
                  rules[rule].why);
    else
        belay_say(t->log, BELAY_LOG_INFO, "changed: %s was %.80s, is %.80s", path, from, to);
}

static void text_of(const struct belay_yaml *node, struct belay_str *out)
{
    belay_str_clear(out);
    if (node && node->kind == BELAY_YAML_SCALAR)
        belay_str_add(out, node->text);
    else if (node)
        belay_str_add_yaml_tree(out, node);
    else
        belay_str_add(out, "not set");
}

static bool is_map(const struct belay_yaml *node)
{
    return node && node->kind == BELAY_YAML_MAP;
}

// Maps are compared key by key, the rest as texts. `model` is compared as a whole.
static void compare(struct changes *c, const char *path, const struct belay_yaml *a,
                    const struct belay_yaml *b)
{
    struct belay_str from = { 0 }, to = { 0 };
    char inner[256];
    if (is_map(a) && is_map(b) && strcmp(path, "model") != 0) {
        for (const struct belay_yaml *x = a->first; x; x = x->next) {
            snprintf(inner, sizeof(inner), "%s%s%s", path, *path ? "." : "", x->key);
            compare(c, inner, x, belay_yaml_get(b, x->key));
        }
        for (const struct belay_yaml *y = b->first; y; y = y->next) {
            snprintf(inner, sizeof(inner), "%s%s%s", path, *path ? "." : "", y->key);
            if (!belay_yaml_get(a, y->key))
                compare(c, inner, NULL, y);
        }
        return;
    }
    text_of(a, &from);
    text_of(b, &to);
    if (from.failed || to.failed)
        c->status = belay_fail_nomem(c->t->log, from.length + to.length);
    else if (strcmp(from.text, to.text) != 0)
        judge(c, path, from.text, to.text);
    belay_str_free(&from);
    belay_str_free(&to);
}

belay_status belay_trainer_compare(struct belay_trainer *t)
{
    belay_recipe *file = NULL, *old = NULL;
    struct changes c = { .t = t };
    belay_status status = BELAY_OK;
    if (!belay_file_exists(t->paths.resolved))
        return BELAY_OK;
    BELAY_TRY_DONE(belay_recipe_load(t->ctx, t->paths.resolved, NULL, 0, &file));
    // Once more, so that keys which are new since then have their defaults.
    BELAY_TRY_DONE(belay_recipe_parse(t->ctx, file->text, file->name, NULL, 0, &old));
    compare(&c, "", old->doc.root, t->recipe->doc.root);
    status = c.status;
    if (status == BELAY_OK && c.json.failed)
        status = belay_fail_nomem(t->log, c.json.length);
    belay_str_clear(&t->changes);
    if (status == BELAY_OK && c.json.text)
        belay_str_add(&t->changes, c.json.text);
done:
    belay_recipe_destroy(&old);
    belay_recipe_destroy(&file);
    belay_str_free(&c.json);
    return status;
}

// One line for each process that trains in the folder. It has clocks, so it is never compared.
void belay_trainer_tell_history(struct belay_trainer *t, bool resumed)
{
    struct belay_append file = { 0 };
    struct belay_log quiet = { 0 };
    struct belay_str s = { 0 };
    char now[32];
    belay_clock_utc(now);
    belay_str_addf(&s, "{\"time\":\"%s\",\"event\":\"%s\",\"step\":%llu,\"version\":\"%s\",\"device\":",
                   now, resumed ? "resume" : "start", (unsigned long long) t->s.step,
                   BELAY_VERSION);
    belay_str_add_json(&s, t->ctx->device->identity);
    belay_str_addf(&s, ",\"changes\":[%s]}\n", t->changes.text ? t->changes.text : "");
    belay_status status = s.failed ? BELAY_ERR_NOMEM
                                   : belay_append_open(&file, &quiet, t->paths.history);
    if (status == BELAY_OK)
        status = belay_append_write(&file, s.text, s.length);
    if (status != BELAY_OK)
        belay_say(t->log, BELAY_LOG_WARN, "the history of the run could not be written: %s",
                  quiet.last);
    belay_append_close(&file);
    belay_str_free(&s);
}
