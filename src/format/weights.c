#include "format/weights.h"

#include <string.h>

#include "base/str.h"
#include "format/json.h"
#include "format/pth.h"

#define FORMAT(name) extern const struct belay_weights_format belay_format_##name;
#include "format/weights_list.h"
#undef FORMAT

const struct belay_weights_format *const belay_weights_formats[] = {
#define FORMAT(name) &belay_format_##name,
#include "format/weights_list.h"
#undef FORMAT
    NULL,
};

const struct belay_weights_format *belay_weights_format_named(const char *name)
{
    for (size_t i = 0; belay_weights_formats[i]; i++)
        if (strcmp(belay_weights_formats[i]->name, name) == 0)
            return belay_weights_formats[i];
    return NULL;
}

static bool ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

const struct belay_weights_format *belay_weights_format_of(const char *path)
{
    const struct belay_weights_format *found = NULL;
    size_t longest = 0;

    for (size_t i = 0; belay_weights_formats[i]; i++) {
        const struct belay_weights_format *f = belay_weights_formats[i];
        for (size_t s = 0; s < 5 && f->suffixes[s]; s++) {
            if (ends_with(path, f->suffixes[s]) && strlen(f->suffixes[s]) > longest) {
                longest = strlen(f->suffixes[s]);
                found = f;
            }
        }
    }
    return found;
}

static const struct belay_weights_format *detect(const char *path, const char *bytes, size_t size)
{
    const struct belay_weights_format *f;

    for (size_t i = 0; belay_weights_formats[i]; i++)
        if (belay_weights_formats[i]->is && belay_weights_formats[i]->is(bytes, size))
            return belay_weights_formats[i];
    f = belay_weights_format_of(path);
    return f ? f : belay_weights_format_named("safetensors");
}

belay_status belay_weights_read(struct belay_log *log, const char *path, struct belay_st *st)
{
    char *bytes;
    size_t size;

    *st = (struct belay_st){ 0 };
    BELAY_TRY(belay_file_read(log, path, 0, &bytes, &size));
    return detect(path, bytes, size)->parse(log, path, bytes, size, st);
}

belay_status belay_weights_write(struct belay_log *log, const char *path,
                                 const struct belay_weights_format *format,
                                 const struct belay_weights *w)
{
    return format->write(log, path, w);
}

static const char *prefix_in(const struct belay_json *tree)
{
    static const char *const names[] = { "model_state_dict", "state_dict", "model", "model_state",
                                         "weights", "params", "net", "network", "module" };
    static const char *const prefixes[] = { "model_state_dict.", "state_dict.", "model.",
                                            "model_state.", "weights.", "params.", "net.",
                                            "network.", "module." };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct belay_json *state = belay_json_get(tree, names[i]);
        if (state && state->kind == BELAY_JSON_OBJECT)
            return prefixes[i];
    }
    return "";
}

const char *belay_weights_prefix(const char *tree)
{
    const char *prefix = "";
    struct belay_json_doc doc = { 0 };

    if (!tree)
        return "";
    if (belay_json_parse(NULL, "", tree, strlen(tree), &doc) == BELAY_OK &&
        doc.root->kind == BELAY_JSON_OBJECT)
        prefix = prefix_in(doc.root);
    belay_json_finish(&doc);
    return prefix;
}

// ---- safetensors, whose reader and writer stand below all others ----

static belay_status write_safetensors(struct belay_log *log, const char *path,
                                      const struct belay_weights *w)
{
    return belay_st_write(log, path, w->items, w->count, w->meta, w->meta_count, w->digest, NULL);
}

const struct belay_weights_format belay_format_safetensors = {
    .name = "safetensors",
    .suffixes = { ".safetensors" },
    .meta = true,
    .parse = belay_st_parse,
    .write = write_safetensors,
};
