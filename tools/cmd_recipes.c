#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

#define MAX_RECIPES 256

// The folder with the recipes: that of the installation or, from a build, the source's.
static bool find_folder(char *out, size_t size)
{
    static const char *const beside[] = { "../share/belay/recipes", "../tools/recipes" };
    char self[2048];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n > 0) {
        self[n] = '\0';
        char *slash = strrchr(self, '/');
        if (slash)
            *slash = '\0';
        for (size_t i = 0; i < 2; i++)
            if (join_path(out, size, self, beside[i]) && is_folder(out))
                return true;
    }
    return (size_t) snprintf(out, size, "%s", BELAY_RECIPES_DIR) < size && is_folder(out);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

// Names without ".yaml", sorted; owned.
static size_t list_names(const char *folder, char *names[MAX_RECIPES])
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    struct dirent *entry;
    while (dir && count < MAX_RECIPES && (entry = readdir(dir))) {
        size_t length = strlen(entry->d_name);
        if (length < 6 || strcmp(entry->d_name + length - 5, ".yaml") != 0)
            continue;
        char *name = malloc(length - 4);
        if (!name)
            break;
        memcpy(name, entry->d_name, length - 5);
        name[length - 5] = '\0';
        names[count++] = name;
    }
    if (dir)
        closedir(dir);
    qsort(names, count, sizeof(*names), by_name);
    return count;
}

// Without "# " and the line end; "" when the file does not begin with a comment.
static void first_comment(const char *folder, const char *name, char out[256])
{
    char path[4096], file[300];
    out[0] = '\0';
    snprintf(file, sizeof(file), "%s.yaml", name);
    FILE *from = join_path(path, sizeof(path), folder, file) ? fopen(path, "r") : NULL;
    if (!from)
        return;
    char line[256];
    if (fgets(line, sizeof(line), from) && line[0] == '#') {
        line[strcspn(line, "\n")] = '\0';
        snprintf(out, 256, "%s", line + 1 + strspn(line + 1, " "));
    }
    fclose(from);
}

static void print_list(const struct cli *cli, const char *folder, char **names, size_t count)
{
    char comment[256];
    if (cli->json)
        printf("{\"folder\": ");
    if (cli->json)
        json_text(stdout, folder);
    printf(cli->json ? ", \"recipes\": [" : "");
    for (size_t i = 0; i < count; i++) {
        first_comment(folder, names[i], comment);
        if (!cli->json) {
            printf("%-16s %s\n", names[i], comment);
            continue;
        }
        printf("%s{\"name\": ", i ? ", " : "");
        json_text(stdout, names[i]);
        printf(", \"help\": ");
        json_text(stdout, comment);
        printf("}");
    }
    if (cli->json)
        printf("]}\n");
    else
        printf("\nThey lie in %s; `belay recipes NAME > mine.yaml` copies one.\n", folder);
}

static int print_one(struct cli *cli, const char *folder, char **names, size_t count)
{
    char path[4096], file[300];
    const char *name = cli->rest[0];
    snprintf(file, sizeof(file), "%s.yaml", name);
    FILE *from = !strchr(name, '/') && join_path(path, sizeof(path), folder, file)
                     ? fopen(path, "r") : NULL;
    if (!from) {
        const char *near = nearest(name, (const char *const *) names, count);
        return cli_error(cli, EXIT_USAGE, near ? "no recipe '%s', did you mean '%s'?"
                                               : "no recipe '%s'; `belay recipes` lists them",
                         name, near);
    }
    char text[65536];
    size_t n = fread(text, 1, sizeof(text) - 1, from);
    text[n] = '\0';
    fclose(from);
    if (cli->json) {
        printf("{\"name\": ");
        json_text(stdout, name);
        printf(", \"path\": ");
        json_text(stdout, path);
        printf(", \"text\": ");
        json_text(stdout, text);
        printf("}\n");
    } else {
        fputs(text, stdout);
    }
    return EXIT_DONE;
}

static int run(struct cli *cli)
{
    char folder[4096];
    char *names[MAX_RECIPES];
    int code = EXIT_DONE;
    if (!find_folder(folder, sizeof(folder)))
        return cli_error(cli, EXIT_DATA, "no folder with recipes, looked in %s too",
                         BELAY_RECIPES_DIR);
    size_t count = list_names(folder, names);
    if (cli->num_rest)
        code = print_one(cli, folder, names, count);
    else
        print_list(cli, folder, names, count);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    return code;
}

static const struct option_row options[] = { OPTION_HELP, OPTION_JSON, { 0 } };

const struct command command_recipes = {
    .name = "recipes",
    .args = "[NAME]",
    .summary = "Lists the ready recipes, or prints one to start from",
    .options = options,
    .max_rest = 1,
    .run = run,
};
