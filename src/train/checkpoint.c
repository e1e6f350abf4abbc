#include "train/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "format/json.h"

#define SUFFIX ".safetensors"

// ---- names ----

belay_status belay_run_paths_init(struct belay_log *log, const char *dir,
                                  struct belay_run_paths *out)
{
    struct belay_run_paths p = { 0 };
    p.dir = belay_strdup(dir);
    p.checkpoints = belay_path_join(dir, "checkpoints");
    p.recipe = belay_path_join(dir, "recipe.yaml");
    p.resolved = belay_path_join(dir, "resolved.yaml");
    p.metrics = belay_path_join(dir, "metrics.jsonl");
    p.timing = belay_path_join(dir, "timing.jsonl");
    p.best = belay_path_join(dir, "best" SUFFIX);
    p.last = belay_path_join(dir, "last" SUFFIX);
    p.result = belay_path_join(dir, "result.json");
    p.lock = belay_path_join(dir, "lock");
    p.history = belay_path_join(dir, "history.jsonl");
    p.stop = belay_path_join(dir, "stop");
    if (!p.dir || !p.checkpoints || !p.recipe || !p.resolved || !p.metrics || !p.timing ||
        !p.best || !p.last || !p.result || !p.lock || !p.history ||
        !p.stop) {
        belay_run_paths_finish(&p);
        return belay_fail_nomem(log, strlen(dir) + 32);
    }
    *out = p;
    return BELAY_OK;
}

void belay_run_paths_finish(struct belay_run_paths *p)
{
    char **all[] = { &p->dir,    &p->checkpoints, &p->recipe, &p->resolved, &p->metrics,
                     &p->timing, &p->best,        &p->last,   &p->result,   &p->lock,
                     &p->history, &p->stop };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        belay_free(*all[i]);
        *all[i] = NULL;
    }
}

char *belay_checkpoint_path(const struct belay_run_paths *p, const char *kind, uint64_t step)
{
    struct belay_str name = { 0 };
    belay_str_addf(&name, "%s-%08" PRIu64 SUFFIX, kind, step);
    char *path = name.failed ? NULL : belay_path_join(p->checkpoints, name.text);
    belay_str_free(&name);
    return path;
}

// Exactly the names that belay_checkpoint_path makes: anything else is somebody else's file.
static bool parse_name(const char *name, const char *kind, uint64_t *step)
{
    size_t length = strlen(kind);
    if (strncmp(name, kind, length) != 0 || name[length] != '-')
        return false;
    const char *digits = name + length + 1;
    size_t count = strspn(digits, "0123456789");
    if (count < 8 || count > 20 || (count > 8 && digits[0] == '0') ||
        strcmp(digits + count, SUFFIX) != 0)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t digit = (uint64_t) (digits[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *step = value;
    return true;
}

static int compare_steps(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;
    return (x > y) - (x < y);
}

belay_status belay_checkpoint_steps(struct belay_log *log, const struct belay_run_paths *p,
                                    const char *kind, uint64_t **steps, size_t *count)
{
    char **names = NULL;
    size_t num = 0, found = 0;
    *steps = NULL;
    *count = 0;
    if (belay_dir_exists(p->checkpoints))
        BELAY_TRY(belay_dir_list(log, p->checkpoints, &names, &num));
    uint64_t *list = belay_alloc_array(num + 1, sizeof(*list));
    for (size_t i = 0; list && i < num; i++)
        found += parse_name(names[i], kind, &list[found]);
    belay_names_free(names, num);
    if (!list)
        return belay_fail_nomem(log, (num + 1) * sizeof(*list));
    qsort(list, found, sizeof(*list), compare_steps);
    *steps = list;
    *count = found;
    return BELAY_OK;
}

// ---- the newest that is valid ----

belay_status belay_checkpoint_read(struct belay_log *log, const struct belay_run_paths *p,
                                   uint64_t step, struct belay_st *st)
{
    char *path = belay_checkpoint_path(p, "step", step);
    if (!path)
        return belay_fail_nomem(log, 64);
    belay_status status = belay_st_read(log, path, st);
    // Without a digest a torn page would pass; ours always have one.
    if (status == BELAY_OK && !belay_st_meta(st, "belay.digest")) {
        status = belay_fail(log, BELAY_ERR_DAMAGED, "%s: has no digest, so it is no checkpoint",
                            path);
        belay_st_finish(st);
    }
    belay_free(path);
    return status;
}

// Only for a file that is bad or cannot be read an older one is tried; short memory is told at once.
static bool is_damage(belay_status status)
{
    return status == BELAY_ERR_DAMAGED || status == BELAY_ERR_IO;
}

belay_status belay_checkpoint_newest(struct belay_log *log, const struct belay_run_paths *p,
                                     struct belay_st *st, uint64_t *step, bool *found)
{
    uint64_t *steps = NULL;
    size_t count = 0;
    belay_status status = BELAY_OK;
    *found = false;
    BELAY_TRY(belay_checkpoint_steps(log, p, "step", &steps, &count));
    for (size_t i = count; i-- > 0 && !*found;) {
        struct belay_st got = { 0 };
        struct belay_log quiet = { 0 }; // a warning is enough for one that is skipped
        status = belay_checkpoint_read(&quiet, p, steps[i], &got);
        if (status == BELAY_OK) {
            *st = got;
            *step = steps[i];
            *found = true;
        } else if (!is_damage(status)) {
            belay_fail(log, status, "%s", quiet.last);
            break;
        } else {
            belay_say(log, BELAY_LOG_WARN, "checkpoint of step %" PRIu64 " is skipped: %s",
                      steps[i], quiet.last);
        }
    }
    if (status != BELAY_OK && is_damage(status) && count > 0)
        status = belay_fail(log, BELAY_ERR_DAMAGED, "%s: none of %zu checkpoints can be read",
                            p->checkpoints, count);
    belay_free(steps);
    return status;
}

#define MAX_HEADER (100u << 20)

belay_status belay_checkpoint_state(struct belay_log *log, const char *path, char **json)
{
    struct belay_json_doc doc = { 0 };
    char *head = NULL;
    size_t size = 0;
    uint64_t length = 0;
    *json = NULL;
    belay_status status = belay_file_read_head(log, path, 8, &head, &size);
    for (size_t i = size; status == BELAY_OK && i-- > 0;)
        length = length << 8 | (unsigned char) head[i];
    belay_free(head);
    BELAY_TRY(status);
    if (size < 8 || length > MAX_HEADER)
        return belay_fail(log, BELAY_ERR_DAMAGED, "%s: is no checkpoint", path);
    BELAY_TRY(belay_file_read_head(log, path, 8 + (size_t) length, &head, &size));
    status = size == 8 + length
                 ? belay_json_parse(log, path, head + 8, (size_t) length, &doc)
                 : belay_fail(log, BELAY_ERR_DAMAGED, "%s: its header is cut off", path);
    if (status == BELAY_OK) {
        const struct belay_json *meta = belay_json_get(doc.root, "__metadata__");
        const char *state = meta ? belay_json_string_or(meta, "belay.state", NULL) : NULL;
        *json = state ? belay_strdup(state) : NULL;
        if (!*json)
            status = belay_fail(log, BELAY_ERR_DAMAGED, "%s: has no state of a run", path);
    }
    belay_json_finish(&doc);
    belay_free(head);
    return status;
}

// ---- what goes ----

static belay_status remove_step(struct belay_log *log, const struct belay_run_paths *p,
                                const char *kind, uint64_t step)
{
    char *path = belay_checkpoint_path(p, kind, step);
    if (!path)
        return belay_fail_nomem(log, 64);
    belay_status status = belay_file_remove(log, path);
    belay_free(path);
    return status;
}

static belay_status rename_step(struct belay_log *log, const struct belay_run_paths *p,
                                const char *kind, uint64_t step, const char *suffix)
{
    char *path = belay_checkpoint_path(p, kind, step);
    struct belay_str to = { 0 };
    belay_str_addf(&to, "%s%s", path ? path : "", suffix);
    belay_status status = path && !to.failed ? belay_file_rename(log, path, to.text)
                                             : belay_fail_nomem(log, 64);
    belay_str_free(&to);
    belay_free(path);
    return status;
}

belay_status belay_checkpoint_set_aside(struct belay_log *log, const struct belay_run_paths *p,
                                        uint64_t step, const char *suffix, bool bests)
{
    static const char *const kinds[] = { "step", "best" };
    for (size_t k = 0; k < 2; k++) {
        uint64_t *steps = NULL;
        size_t count = 0;
        belay_status status = belay_checkpoint_steps(log, p, kinds[k], &steps, &count);
        for (size_t i = 0; i < count && status == BELAY_OK; i++) {
            if (steps[i] <= step)
                continue;
            status = k == 0 || bests ? rename_step(log, p, kinds[k], steps[i], suffix)
                                     : remove_step(log, p, kinds[k], steps[i]);
        }
        belay_free(steps);
        BELAY_TRY(status);
    }
    return BELAY_OK;
}

// "step-00000010.safetensors.tmp-123-4": one of ours, then what base/commit.c puts behind it.
static bool is_temporary(const char *name)
{
    static const char mark[] = SUFFIX ".tmp-";
    const char *at = strstr(name, mark);
    if (!at || (strncmp(name, "step-", 5) != 0 && strncmp(name, "best-", 5) != 0))
        return false;
    at += sizeof(mark) - 1;
    size_t pid = strspn(at, "0123456789");
    return pid > 0 && at[pid] == '-' && at[pid + 1] &&
           at[pid + 1 + strspn(at + pid + 1, "0123456789")] == '\0';
}

belay_status belay_checkpoint_sweep(struct belay_log *log, const struct belay_run_paths *p)
{
    char **names = NULL;
    size_t count = 0;
    belay_status status = BELAY_OK;
    BELAY_TRY(belay_dir_list(log, p->checkpoints, &names, &count));
    for (size_t i = 0; i < count && status == BELAY_OK; i++) {
        if (!is_temporary(names[i]))
            continue;
        char *path = belay_path_join(p->checkpoints, names[i]);
        status = path ? belay_file_remove(log, path) : belay_fail_nomem(log, 64);
        belay_free(path);
    }
    belay_names_free(names, count);
    return status;
}
