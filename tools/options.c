#include "options.h"

#include <string.h>

static bool fail(struct cli *cli, const char *format, const char *a, const char *b)
{
    snprintf(cli->error, sizeof(cli->error), format, a, b);
    return false;
}

static const struct option_row *find_row(const struct command *command, const char *name,
                                         size_t length)
{
    for (const struct option_row *row = command->options; row->name; row++)
        if (strlen(row->name) == length && strncmp(row->name, name, length) == 0)
            return row;
    return NULL;
}

static const struct option_row *find_letter(const struct command *command, char letter)
{
    for (const struct option_row *row = command->options; row->name; row++)
        if (row->letter && row->letter == letter)
            return row;
    return NULL;
}

static bool unknown(struct cli *cli, const char *arg)
{
    const char *names[32];
    char name[64];
    size_t count = 0;
    for (const struct option_row *row = cli->command->options; row->name && count < 32; row++)
        names[count++] = row->name;
    snprintf(name, sizeof(name), "%.*s", (int) strcspn(arg + 2, "="), arg + 2);
    const char *near = arg[1] == '-' ? nearest(name, names, count) : NULL;
    if (near)
        return fail(cli, "unknown option '%s', did you mean '--%s'?", arg, near);
    return fail(cli, "unknown option '%s'; `belay %s --help` lists them", arg, cli->command->name);
}

static void store(struct cli *cli, const struct option_row *row, const char *value)
{
    void *at = (char *) cli + row->offset;
    if (row->kind == OPTION_FLAG)
        *(bool *) at = true;
    else if (row->kind == OPTION_TEXT)
        *(const char **) at = value;
    else
        cli->data[cli->num_data++] = value;
}

// "--name", "--name=value", "--name value", "-n value"; *i moves over a value.
static bool parse_option(struct cli *cli, int argc, char **argv, int *i)
{
    const char *arg = argv[*i], *value = NULL;
    const struct option_row *row = NULL;
    if (arg[1] == '-') {
        size_t length = strcspn(arg + 2, "=");
        row = find_row(cli->command, arg + 2, length);
        value = arg[2 + length] == '=' ? arg + 3 + length : NULL;
    } else if (!arg[2]) {
        row = find_letter(cli->command, arg[1]);
    }
    if (!row)
        return unknown(cli, arg);
    if (row->kind == OPTION_FLAG && value)
        return fail(cli, "option '--%s' takes no value, got '%s'", row->name, value);
    if (row->kind != OPTION_FLAG && !value) {
        if (*i + 1 >= argc)
            return fail(cli, "option '--%s' needs a value: %s", row->name, row->arg);
        value = argv[++*i];
    }
    store(cli, row, value);
    return true;
}

bool options_parse(struct cli *cli, int argc, char **argv)
{
    bool only_rest = false;
    for (int i = 0; i < argc; i++) {
        if (!only_rest && strcmp(argv[i], "--") == 0)
            only_rest = true;
        else if (!only_rest && argv[i][0] == '-' && argv[i][1]) {
            if (!parse_option(cli, argc, argv, &i))
                return false;
        } else
            cli->rest[cli->num_rest++] = argv[i];
    }
    if (cli->help)
        return true;
    if (cli->num_rest < cli->command->min_rest)
        return fail(cli, "usage: belay %s %s", cli->command->name, cli->command->args);
    if (cli->num_rest > cli->command->max_rest)
        return fail(cli, "'%s' is one argument too many; usage: belay %s",
                    cli->rest[cli->command->max_rest], cli->command->name);
    return true;
}

void options_help(const struct command *command, FILE *to)
{
    fprintf(to, "belay %s %s\n\n%s.\n%s%s\nOptions:\n", command->name, command->args,
            command->summary, command->detail ? "\n" : "", command->detail ? command->detail : "");
    for (const struct option_row *row = command->options; row->name; row++) {
        char left[40], letter[8] = "    ";
        if (row->letter)
            snprintf(letter, sizeof(letter), "-%c, ", row->letter);
        snprintf(left, sizeof(left), "%s--%s%s%s", letter, row->name, row->arg ? " " : "",
                 row->arg ? row->arg : "");
        fprintf(to, "  %-22s  %s\n", left, row->help);
    }
}

void options_json(const struct command *command, FILE *to)
{
    fprintf(to, "{\"command\": ");
    json_text(to, command->name);
    fprintf(to, ", \"arguments\": ");
    json_text(to, command->args);
    fprintf(to, ", \"summary\": ");
    json_text(to, command->summary);
    fprintf(to, ", \"options\": [");
    for (const struct option_row *row = command->options; row->name; row++) {
        fprintf(to, "%s{\"name\": ", row == command->options ? "" : ", ");
        json_text(to, row->name);
        if (row->letter)
            fprintf(to, ", \"letter\": \"%c\"", row->letter);
        fprintf(to, ", \"value\": ");
        if (row->arg)
            json_text(to, row->arg);
        else
            fprintf(to, "null");
        fprintf(to, ", \"many\": %s, \"help\": ", row->kind == OPTION_DATA ? "true" : "false");
        json_text(to, row->help);
        fprintf(to, "}");
    }
    fprintf(to, "]}");
}
