#include "data/source.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#define BELAY_SOURCE(name) extern const struct belay_source belay_source_##name;
#include "data/list.h"
#undef BELAY_SOURCE

#define BELAY_SOURCE(name) &belay_source_##name,
const struct belay_source *const belay_sources[] = {
#include "data/list.h"
    NULL
};
#undef BELAY_SOURCE

#define BELAY_SOURCE(name) #name,
const char *const belay_data_formats[] = {
#include "data/list.h"
    NULL
};

const char *belay_data_format_help(size_t index)
{
    return belay_sources[index]->help;
}
#undef BELAY_SOURCE

static const struct belay_source *find(const char *name)
{
    for (const struct belay_source *const *s = belay_sources; *s; s++)
        if (strcmp((*s)->name, name) == 0)
            return *s;
    return NULL;
}

static bool ends_with(const char *text, size_t length, const char *ending, size_t size)
{
    return length >= size && memcmp(text + length - size, ending, size) == 0;
}

// `endings` is a list between spaces.
static bool has_ending(const char *file, const char *endings)
{
    size_t length = strlen(file);
    if (ends_with(file, length, ".gz", 3))
        length -= 3;
    while (endings && *endings) {
        size_t size = strcspn(endings, " ");
        if (size && ends_with(file, length, endings, size))
            return true;
        endings += size;
        endings += *endings == ' ';
    }
    return false;
}

static const struct belay_source *find_by_ending(const char *file)
{
    for (const struct belay_source *const *s = belay_sources; *s; s++)
        if (has_ending(file, (*s)->endings))
            return *s;
    return NULL;
}

static belay_status unknown_format(struct belay_log *log, const char *format)
{
    struct belay_str names = { 0 };
    size_t count = 0;
    for (; belay_data_formats[count]; count++)
        belay_str_addf(&names, "%s%s", count ? ", " : "", belay_data_formats[count]);
    const char *near = belay_suggest(format, belay_data_formats, count);
    belay_status status = belay_fail(log, BELAY_ERR_RECIPE,
                                     "data: unknown format '%s'%s%s%s; there are %s", format,
                                     near ? ", did you mean '" : "", near ? near : "",
                                     near ? "'?" : "", names.text ? names.text : "");
    belay_str_free(&names);
    return status;
}

belay_status belay_source_choose(struct belay_log *log, const char *format, const char *file,
                                 const struct belay_source **out)
{
    if (format) {
        const struct belay_source *s = find(format);
        if (!s)
            return unknown_format(log, format);
        *out = s;
        return BELAY_OK;
    }
    if (!file)
        return belay_fail(log, BELAY_ERR_RECIPE,
                          "data: neither a format nor a training file is given");
    const struct belay_source *s = find_by_ending(file);
    if (!s)
        return belay_fail(log, BELAY_ERR_RECIPE,
                          "data: the ending of '%s' does not tell its format: give `format`", file);
    *out = s;
    return BELAY_OK;
}

belay_status belay_part_files(struct belay_log *log, const struct belay_dataset_params *params,
                              enum belay_data_files part, size_t min, size_t max, const char *want,
                              char **out)
{
    bool train = part == BELAY_FILES_TRAIN;
    const char *const *names = train ? params->train : params->test;
    size_t num = train ? params->num_train : params->num_test;
    for (size_t i = 0; i < max; i++)
        out[i] = NULL;
    if (num < min || num > max)
        return belay_fail(log, BELAY_ERR_RECIPE, "data: %s lists %zu files, want %s",
                          train ? "train" : "test", num, want);
    for (size_t i = 0; i < num; i++) {
        bool relative = names[i][0] != '/' && params->root && params->root[0];
        out[i] = relative ? belay_path_join(params->root, names[i]) : belay_strdup(names[i]);
        if (!out[i])
            return belay_fail_nomem(log, strlen(names[i]));
    }
    return BELAY_OK;
}
