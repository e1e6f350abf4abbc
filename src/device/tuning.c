#include "device/tuning.h"

#include <string.h>

#include "base/env.h"
#include "base/file.h"

#define FILE_MOST (1 << 24)

void belay_tuning_finish(struct belay_tuning *t)
{
    belay_arena_free(&t->texts);
    belay_free(t->list);
    memset(t, 0, sizeof(*t));
}

static struct belay_tuned *find(const struct belay_tuning *t, const char *device, const char *kind,
                                const char *shape)
{
    for (size_t i = 0; i < t->num; i++) {
        struct belay_tuned *e = &t->list[i];
        if (strcmp(e->kind, kind) == 0 && strcmp(e->shape, shape) == 0 &&
            strcmp(e->device, device) == 0)
            return e;
    }
    return NULL;
}

const struct belay_tuned *belay_tuning_find(const struct belay_tuning *t, const char *device,
                                            const char *kind, const char *shape)
{
    return find(t, device, kind, shape);
}

belay_status belay_tuning_put(struct belay_log *log, struct belay_tuning *t,
                              const struct belay_tuned *entry)
{
    struct belay_tuned copy = *entry;
    struct belay_tuned *old = find(t, entry->device, entry->kind, entry->shape);
    copy.device = belay_arena_strdup(&t->texts, entry->device);
    copy.kind = belay_arena_strdup(&t->texts, entry->kind);
    copy.shape = belay_arena_strdup(&t->texts, entry->shape);
    copy.choice = belay_arena_strdup(&t->texts, entry->choice);
    if (!copy.device || !copy.kind || !copy.shape || !copy.choice ||
        (!old && !belay_grow((void **) &t->list, t->num, &t->capacity, sizeof(*t->list))))
        return belay_fail_nomem(log, sizeof(copy));
    *(old ? old : &t->list[t->num++]) = copy;
    return BELAY_OK;
}

char *belay_tuning_path(const char *cache_dir)
{
    const char *named = belay_env("BELAY_TUNE");
    if (named)
        return strcmp(named, "0") == 0 ? NULL : belay_strdup(named);
    return cache_dir ? belay_path_join(cache_dir, "tune.jsonl") : NULL;
}

void belay_tuning_load(struct belay_log *log, const char *path, struct belay_tuning *t)
{
    struct belay_log quiet = { 0 };
    char *text = NULL;
    size_t size;
    if (!path || !belay_file_exists(path))
        return;
    belay_status status = belay_file_read(&quiet, path, FILE_MOST, &text, &size);
    if (status == BELAY_OK)
        status = belay_tuning_read(&quiet, path, text, size, t);
    belay_free(text);
    if (status != BELAY_OK)
        belay_say(log, BELAY_LOG_WARN,
                  "%s; the tuning file is left out and defaults count (`belay tune` makes a new "
                  "one)",
                  quiet.last);
}
