#include <string.h>

#include "cli.h"

struct shown {
    char section[64];   // of the last key
    const char *kind;   // of the last item
    size_t count;
};

static void section_of(const char *path, char out[64])
{
    size_t length = strcspn(path, ".");
    snprintf(out, 64, "%.*s", (int) (length < 63 ? length : 63), path);
}

// Without a word everything; else what begins with it: a section, a key, a name, a kind.
static bool wanted(const char *word, const belay_config_item *item)
{
    size_t length = word ? strlen(word) : 0;
    if (!word || strcmp(item->kind, word) == 0 || strcmp(item->name, word) == 0)
        return true;
    return strcmp(item->kind, "key") == 0 && strncmp(item->name, word, length) == 0 &&
           item->name[length] == '.';
}

static void print_heading(struct shown *s, const belay_config_item *item)
{
    char section[64];
    bool key = strcmp(item->kind, "key") == 0;
    section_of(item->name, section);
    bool new_kind = !s->kind || strcmp(s->kind, item->kind) != 0;
    if (key && (new_kind || strcmp(section, s->section) != 0))
        printf("%s%s:\n", s->count ? "\n" : "", section);
    else if (!key && new_kind && strcmp(item->kind, "option") != 0)
        printf("%s%s:\n", s->count ? "\n" : "",
               strcmp(item->kind, "environment") == 0 ? "environment variables" : item->kind);
    snprintf(s->section, sizeof(s->section), "%s", section);
    if (strcmp(item->kind, "option") != 0)
        s->kind = item->kind;
}

static void print_item(struct shown *s, const belay_config_item *item)
{
    bool option = strcmp(item->kind, "option") == 0;
    char type[96] = "";
    print_heading(s, item);
    if (item->fallback[0])
        snprintf(type, sizeof(type), "%s = %s", item->type, item->fallback);
    else
        snprintf(type, sizeof(type), "%s", item->type);
    if (strcmp(item->kind, "layer") == 0 && type[0])
        snprintf(type, sizeof(type), "- %s: %s", item->name, item->type);
    printf("  %s%-*s  %-26s  %s\n", option ? "    " : "", option ? 18 : 22, item->name, type,
           item->help);
    s->count++;
}

static void print_json(struct shown *s, const char *owner, const belay_config_item *item)
{
    printf("%s{\"kind\": ", s->count ? ", " : "");
    json_text(stdout, item->kind);
    printf(", \"name\": ");
    json_text(stdout, item->name);
    if (owner) {
        printf(", \"of\": ");
        json_text(stdout, owner);
    }
    printf(", \"type\": ");
    json_text(stdout, item->type);
    printf(", \"default\": ");
    json_text(stdout, item->fallback);
    printf(", \"help\": ");
    json_text(stdout, item->help);
    printf("}");
    s->count++;
}

static int unknown_word(struct cli *cli, const char *word)
{
    const char *names[512];
    belay_config_item item;
    size_t count = 0;
    for (size_t i = 0; count < 512 && belay_config_item_at(i, &item); i++)
        names[count++] = item.name;
    const char *near = nearest(word, names, count);
    if (near)
        return cli_error(cli, EXIT_USAGE, "no key or name '%s', did you mean '%s'?", word, near);
    return cli_error(cli, EXIT_USAGE, "no key or name '%s'; `belay config` lists all", word);
}

// Options are shown with what they belong to.
static size_t walk(const char *word, bool show, bool json)
{
    struct shown s = { .kind = NULL };
    belay_config_item item;
    const char *owner = NULL;
    bool owner_shown = false;
    for (size_t i = 0; belay_config_item_at(i, &item); i++) {
        bool option = strcmp(item.kind, "option") == 0;
        if (!option)
            owner_shown = wanted(word, &item);
        if (!option)
            owner = item.name;
        if (!owner_shown)
            continue;
        if (!show)
            s.count++;
        else if (json)
            print_json(&s, option ? owner : NULL, &item);
        else
            print_item(&s, &item);
    }
    return s.count;
}

static int run(struct cli *cli)
{
    const char *word = cli->num_rest ? cli->rest[0] : NULL;
    if (walk(word, false, false) == 0)
        return unknown_word(cli, word);
    if (cli->json)
        printf("{\"items\": [");
    walk(word, true, cli->json);
    if (cli->json)
        printf("]}\n");
    return EXIT_DONE;
}

static const struct option_row options[] = { OPTION_HELP, OPTION_JSON, { 0 } };

const struct command command_config = {
    .name = "config",
    .args = "[KEY|NAME]",
    .summary = "Lists every key of a recipe with type, default and help; layers, losses and so on",
    .detail = "`belay config train` shows one section, `belay config adam` one optimizer,\n"
              "`belay config layer` all layers.\n",
    .options = options,
    .max_rest = 1,
    .run = run,
};
