// The command: finds the sub-command, reads its options, runs it.
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define COMMAND(name) extern const struct command command_##name;
#include "commands.h"
#undef COMMAND

const struct command *const commands[] = {
#define COMMAND(name) &command_##name,
#include "commands.h"
#undef COMMAND
    NULL,
};

static void print_help(FILE *to)
{
    belay_config_item item;
    fprintf(to, "belay %s: trains neural networks on any OpenCL device, stops in time, loses "
            "nothing\n\nUsage: belay COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n",
            belay_version());
    for (size_t i = 0; commands[i]; i++)
        fprintf(to, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(to, "\n`belay COMMAND --help` shows the options of one. `belay --version` the version.\n"
            "\nExit codes:\n");
    for (const struct exit_code *e = exit_codes; e->name; e++)
        fprintf(to, "  %d  %s\n", e->code, e->help);
    fprintf(to, "\nEnvironment:\n");
    for (size_t i = 0; belay_config_item_at(i, &item); i++)
        if (strcmp(item.kind, "environment") == 0)
            fprintf(to, "  %-20s %s\n", item.name, item.help);
}

static void print_json(void)
{
    printf("{\"version\": ");
    json_text(stdout, belay_version());
    printf(", \"commands\": [");
    for (size_t i = 0; commands[i]; i++) {
        printf(i ? ", " : "");
        options_json(commands[i], stdout);
    }
    printf("], \"exit_codes\": [");
    for (const struct exit_code *e = exit_codes; e->name; e++) {
        printf("%s{\"code\": %d, \"name\": \"%s\", \"help\": ", e == exit_codes ? "" : ", ",
               e->code, e->name);
        json_text(stdout, e->help);
        printf("}");
    }
    printf("]}\n");
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int unknown_command(struct cli *cli, const char *name)
{
    const char *names[32];
    size_t count = 0;
    for (; commands[count] && count < 32; count++)
        names[count] = commands[count]->name;
    const char *near = nearest(name, names, count);
    if (near)
        return cli_error(cli, EXIT_USAGE, "unknown command '%s', did you mean '%s'?", name, near);
    return cli_error(cli, EXIT_USAGE, "unknown command '%s'; `belay --help` lists them", name);
}

static int run_command(struct cli *cli, int argc, char **argv)
{
    if (!options_parse(cli, argc, argv)) {
        char message[sizeof(cli->error)];
        memcpy(message, cli->error, sizeof(message));
        return cli_error(cli, EXIT_USAGE, "%s", message);
    }
    if (cli->help && cli->json) {
        options_json(cli->command, stdout);
        printf("\n");
        return EXIT_DONE;
    }
    if (cli->help) {
        options_help(cli->command, stdout);
        return EXIT_DONE;
    }
    return cli->command->run(cli);
}

// Output that could not be written (a full disk behind a pipe) must not look like success.
static int flush_output(int code)
{
    bool bad = fflush(stdout) != 0 || ferror(stdout);
    if (!bad || code != EXIT_DONE)
        return code;
    fprintf(stderr, "belay: error: could not write the output\n");
    return EXIT_DATA;
}

static bool is_any(const char *arg, const char *a, const char *b)
{
    return strcmp(arg, a) == 0 || strcmp(arg, b) == 0;
}

static int run_top(struct cli *cli, int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (is_any(name, "--version", "-V")) {
        printf("belay %s\n", belay_version());
        return EXIT_DONE;
    }
    bool json = is_any(name, "--json", "") || (argc > 2 && strcmp(argv[2], "--json") == 0);
    if (argc > 1 && (is_any(name, "--help", "-h") || is_any(name, "help", "--json"))) {
        const struct command *command = argc > 2 ? find_command(argv[2]) : NULL;
        if (command)
            options_help(command, stdout);
        else if (json)
            print_json();
        else
            print_help(stdout);
        return EXIT_DONE;
    }
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    cli->command = find_command(name);
    return cli->command ? run_command(cli, argc - 2, argv + 2) : unknown_command(cli, name);
}

int main(int argc, char **argv)
{
    struct cli cli = { 0 };
    size_t room = (size_t) argc + 1;
    cli.data = calloc(room, sizeof(*cli.data));
    cli.rest = calloc(room, sizeof(*cli.rest));
    int code = cli.data && cli.rest ? run_top(&cli, argc, argv)
                                    : cli_error(&cli, EXIT_OTHER, "out of memory");
    free(cli.data);
    free(cli.rest);
    return flush_output(code);
}
