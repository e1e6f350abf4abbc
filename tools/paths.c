// Where things lie: the model of a run, the recipe beside a model.
#include <stdlib.h>
#include <string.h>

#include "cli.h"

bool model_path(char *out, size_t size, const char *run_or_file)
{
    // Of a run, or of a folder as others publish models: whole or in shards.
    static const char *const names[] = { "best.safetensors", "model.safetensors",
                                         "model.safetensors.index.json" };
    if (is_folder(run_or_file)) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            if (join_path(out, size, run_or_file, names[i]) && is_file(out))
                return true;
        return join_path(out, size, run_or_file, names[0]);
    }
    return (size_t) snprintf(out, size, "%s", run_or_file) < size;
}

bool recipe_beside(char *out, size_t size, const char *run_or_file)
{
    char folder[4096];
    if (is_folder(run_or_file))
        return join_path(out, size, run_or_file, "resolved.yaml") && is_file(out);
    const char *slash = strrchr(run_or_file, '/');
    if ((size_t) snprintf(folder, sizeof(folder), "%.*s", slash ? (int) (slash - run_or_file) : 1,
                          slash ? run_or_file : ".") >= sizeof(folder))
        return false;
    return join_path(out, size, folder[0] ? folder : "/", "resolved.yaml") && is_file(out);
}

void take_data(struct cli *cli)
{
    for (size_t i = 1; i < cli->num_rest; i++)
        cli->data[cli->num_data++] = cli->rest[i];
}

bool weights_path(char *out, size_t size, const char *from)
{
    char folder[4096], step[64], *end;
    const char *at = strrchr(from, '@');
    if (!at || is_file(from))
        return model_path(out, size, from);
    if ((size_t) snprintf(folder, sizeof(folder), "%.*s", (int) (at - from), from) >=
        sizeof(folder))
        return false;
    at++;
    if (strcmp(at, "best") == 0)
        return join_path(out, size, folder, "best.safetensors");
    if (strcmp(at, "last") == 0)
        return join_path(out, size, folder, "last.safetensors");
    unsigned long long number = strtoull(at, &end, 10);
    if (end == at || *end)
        return false;
    snprintf(step, sizeof(step), "checkpoints/step-%08llu.safetensors", number);
    return join_path(out, size, folder, step);
}

bool read_time(const char *text, double *seconds)
{
    static const struct {
        const char *word;
        double factor;
    } units[] = { { "", 1 },        { "s", 1 },        { "sec", 1 },     { "second", 1 },
                  { "seconds", 1 }, { "m", 60 },       { "min", 60 },    { "minute", 60 },
                  { "minutes", 60 }, { "h", 3600 },    { "hour", 3600 }, { "hours", 3600 } };
    char *end;
    *seconds = 0;
    if (!text)
        return true;
    double value = strtod(text, &end);
    if (end == text || !(value > 0) || value > 1e12)
        return false;
    end += strspn(end, " ");
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].word) != 0)
            continue;
        *seconds = value * units[i].factor;
        return true;
    }
    return false;
}
