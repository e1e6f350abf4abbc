// Manual pages and shell completions, from the tables that --help and `belay config` read too.
#include <string.h>

#include "cli.h"
#include "manual.h"

// ---- roff ----

// Text with what roff would take for a command made harmless.
static void roff_text(const char *text)
{
    bool start = true;
    for (; *text; text++) {
        if (start && (*text == '.' || *text == '\''))
            printf("\\&");
        start = *text == '\n';
        if (*text == '\\')
            printf("\\e");
        else if (*text == '-')
            printf("\\-");
        else
            putchar(*text);
    }
}

static void roff_item(const char *name, const char *text)
{
    printf(".TP\n.B ");
    roff_text(name);
    printf("\n");
    roff_text(text);
    printf("\n");
}

static void option_name(const struct option_row *row, char out[96])
{
    int length = row->letter ? snprintf(out, 96, "-%c, --%s", row->letter, row->name)
                             : snprintf(out, 96, "--%s", row->name);
    if (row->arg && length > 0 && length < 96)
        snprintf(out + length, 96 - (size_t) length, " %s", row->arg);
}

static void roff_command(const struct command *command)
{
    char name[96];
    printf(".SS belay %s ", command->name);
    roff_text(command->args);
    printf("\n");
    roff_text(command->summary);
    printf(".\n");
    if (command->detail && command->detail[0]) {
        printf(".PP\n");
        roff_text(command->detail);
    }
    for (const struct option_row *row = command->options; row->name; row++) {
        option_name(row, name);
        roff_item(name, row->help);
    }
}

static void roff_head(const char *title, int section, const char *name, const char *summary)
{
    printf(".TH %s %d \"\" \"belay %s\"\n.SH NAME\n%s \\- ", title, section, belay_version(), name);
    roff_text(summary);
    printf("\n");
}

static void roff_items(const char *kind)
{
    belay_config_item item;
    for (size_t i = 0; belay_config_item_at(i, &item); i++)
        if (strcmp(item.kind, kind) == 0)
            roff_item(item.name, item.help);
}

static int manual_command(void)
{
    char code[16];
    roff_head("BELAY", 1, "belay", "trains neural networks on any OpenCL device, stops in time, "
                                   "loses nothing");
    printf(".SH SYNOPSIS\n.B belay\n.I COMMAND\n[\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]\n"
           ".SH COMMANDS\n");
    for (size_t i = 0; commands[i]; i++)
        roff_command(commands[i]);
    printf(".SH EXIT STATUS\n");
    for (const struct exit_code *e = exit_codes; e->name; e++) {
        snprintf(code, sizeof(code), "%d", e->code);
        roff_item(code, e->help);
    }
    printf(".SH ENVIRONMENT\n");
    roff_items("environment");
    printf(".SH SEE ALSO\n.BR belay\\-recipe (5)\n");
    return EXIT_DONE;
}

// "train.batch (int, 1 or more, default 64)"
static void item_title(const belay_config_item *item, char out[320])
{
    const char *open = item->type[0] ? " (" : "";
    snprintf(out, 320, "%s%s%s%s%s%s%s%s", item->name, open, item->type,
             item->range[0] ? ", " : "", item->range, item->fallback[0] ? ", default " : "",
             item->fallback, *open ? ")" : "");
}

static int manual_recipe(void)
{
    static const char *const kinds[][2] = {
        { "key", "KEYS" },           { "format", "DATA FORMATS" },  { "layer", "LAYERS" },
        { "loss", "LOSSES" },        { "metric", "METRICS" },       { "optimizer", "OPTIMIZERS" },
        { "schedule", "SCHEDULES" }, { "rule", "STOP RULES" },
        { "preset", "STOP RULES OF OTHER PROGRAMS, FOR REPLAY" },
    };
    char title[320];
    roff_head("BELAY\\-RECIPE", 5, "belay\\-recipe", "what belay trains, on what and until when");
    printf(".SH DESCRIPTION\nA recipe is YAML. Unknown keys are errors. Any key can be set on the "
           "command line of\n.BR belay (1)\nas KEY=VALUE.\n");
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        belay_config_item item;
        bool inside = false;
        printf(".SH %s\n", kinds[k][1]);
        for (size_t i = 0; belay_config_item_at(i, &item); i++) {
            bool option = strcmp(item.kind, "option") == 0;
            inside = option ? inside : strcmp(item.kind, kinds[k][0]) == 0;
            if (!inside)
                continue;
            item_title(&item, title);
            printf("%s", option ? ".RS\n" : "");
            roff_item(title, item.help);
            printf("%s", option ? ".RE\n" : "");
        }
    }
    printf(".SH SEE ALSO\n.BR belay (1)\n");
    return EXIT_DONE;
}

// ---- shells ----

static int complete_bash(void)
{
    printf("# bash completion for belay\n_belay()\n{\n    local word=${COMP_WORDS[COMP_CWORD]}\n"
           "    local commands='");
    for (size_t i = 0; commands[i]; i++)
        printf("%s%s", i ? " " : "", commands[i]->name);
    printf("'\n    if [ \"$COMP_CWORD\" = 1 ]; then\n"
           "        mapfile -t COMPREPLY < <(compgen -W \"$commands --help --version\" -- \"$word\")\n"
           "        return\n    fi\n    local options=\n    case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; commands[i]; i++) {
        printf("    %s) options='", commands[i]->name);
        for (const struct option_row *row = commands[i]->options; row->name; row++)
            printf("%s--%s", row == commands[i]->options ? "" : " ", row->name);
        printf("' ;;\n");
    }
    printf("    esac\n    case $word in\n"
           "    -*) mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\") ;;\n"
           "    *) mapfile -t COMPREPLY < <(compgen -f -- \"$word\") ;;\n"
           "    esac\n}\ncomplete -o filenames -F _belay belay\n");
    return EXIT_DONE;
}

// A word inside single quotes in zsh and fish; colons and brackets mean something to zsh.
static void quoted(const char *text, bool zsh)
{
    for (; *text; text++) {
        if (*text == '\'')
            printf(zsh ? "'\\''" : "\\'");
        else if (zsh && (*text == ':' || *text == '[' || *text == ']' || *text == '\\'))
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

static int complete_zsh(void)
{
    printf("#compdef belay\nlocal -a commands\ncommands=(\n");
    for (size_t i = 0; commands[i]; i++) {
        printf("  '%s:", commands[i]->name);
        quoted(commands[i]->summary, true);
        printf("'\n");
    }
    printf(")\nif (( CURRENT == 2 )); then\n  _describe command commands\n  return\nfi\n"
           "case $words[2] in\n");
    for (size_t i = 0; commands[i]; i++) {
        printf("  %s) _arguments", commands[i]->name);
        for (const struct option_row *row = commands[i]->options; row->name; row++) {
            printf(" '--%s[", row->name);
            quoted(row->help, true);
            printf("]%s'", row->arg ? ":value:_files" : "");
        }
        printf(" '*:file:_files' ;;\n");
    }
    printf("esac\n");
    return EXIT_DONE;
}

static int complete_fish(void)
{
    for (size_t i = 0; commands[i]; i++) {
        const char *name = commands[i]->name;
        printf("complete -c belay -n __fish_use_subcommand -f -a %s -d '", name);
        quoted(commands[i]->summary, false);
        printf("'\n");
        for (const struct option_row *row = commands[i]->options; row->name; row++) {
            printf("complete -c belay -n '__fish_seen_subcommand_from %s' -l %s%s", name, row->name,
                   row->arg ? " -r" : "");
            if (row->letter)
                printf(" -s %c", row->letter);
            printf(" -d '");
            quoted(row->help, false);
            printf("'\n");
        }
    }
    return EXIT_DONE;
}

// ---- the command ----

static const struct {
    const char *name;
    int (*print)(void);
} pages[] = {
    { "belay", manual_command },       { "recipe", manual_recipe }, { "reference", manual_reference },
    { "completion-bash", complete_bash }, { "completion-zsh", complete_zsh },
    { "completion-fish", complete_fish },
};

// For machines: which pages there are.
static int list_pages(void)
{
    printf("{\"pages\": [");
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
        printf("%s\"%s\"", i ? ", " : "", pages[i].name);
    printf("]}\n");
    return EXIT_DONE;
}

static int run(struct cli *cli)
{
    if (cli->json)
        return list_pages();
    const char *name = cli->num_rest ? cli->rest[0] : "belay";
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
        if (strcmp(pages[i].name, name) == 0)
            return pages[i].print();
    return cli_error(cli, EXIT_USAGE, "no page '%s': belay, recipe, reference, completion-bash, "
                     "completion-zsh, completion-fish", name);
}

static const struct option_row options[] = { OPTION_HELP, OPTION_JSON, { 0 } };

const struct command command_manual = {
    .name = "manual",
    .args = "[PAGE]",
    .summary = "Prints a manual page, the recipe reference or a shell completion",
    .detail = "Pages: belay and recipe (for man), reference (Markdown), completion-bash,\n"
              "completion-zsh, completion-fish. Installing puts them where they are looked for.\n",
    .options = options,
    .min_rest = 0,
    .max_rest = 1,
    .run = run,
};
