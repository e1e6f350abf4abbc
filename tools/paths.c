// Where things lie: the model of a run, the recipe beside a model.
#include <string.h>

#include "cli.h"

bool model_path(char *out, size_t size, const char *run_or_file)
{
    if (is_folder(run_or_file))
        return join_path(out, size, run_or_file, "best.safetensors");
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
