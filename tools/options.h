// One table of options for each command: parsing, --help and --json come from it.
#ifndef BELAY_TOOLS_OPTIONS_H
#define BELAY_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

// What the options of all commands are read into.
struct cli {
    const struct command *command;
    const char *device;
    const char *out;
    const char *target; // of init
    const char *metric, *mode; // of replay
    const char *budget, *import_from, *export_to; // of tune
    const char *to, *dtype, *shard_size; // of convert
    bool weights_only, plain;
    const char **data; // --data, as often as it is given
    size_t num_data;
    const char **rest; // positional arguments
    size_t num_rest;
    const char *from, *time; // of train, resume
    const char *at, *reset_monitor; // of resume
    bool no_wait;      // of stop
    bool help, json, quiet, dry_run, overfit_batch, per_op;
    bool no_eval; // of report
    bool quick;   // of doctor
    char error[1024]; // the last message of the library or of the command
};

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_DATA };
struct option_row {
    const char *name; // without the dashes
    char letter;      // 0: none
    const char *arg;  // name of the value in the help; NULL for a flag
    const char *help;
    enum option_kind kind;
    size_t offset; // in struct cli
};
struct command {
    const char *name;
    const char *args;    // "RECIPE [KEY=VALUE...]"
    const char *summary; // one line
    const char *detail;  // more, for --help
    const struct option_row *options; // ends with a NULL name
    size_t min_rest, max_rest;
    int (*run)(struct cli *cli);
};

#define FLAG(field) OPTION_FLAG, offsetof(struct cli, field)
#define TEXT(field) OPTION_TEXT, offsetof(struct cli, field)
#define OPTION_HELP { "help", 'h', NULL, "show this and leave", FLAG(help) }
#define OPTION_JSON { "json", 0, NULL, "for machines: the last line of output is one JSON object", \
                      FLAG(json) }
#define OPTION_QUIET { "quiet", 'q', NULL, "no progress: only warnings, errors and the result", FLAG(quiet) }
#define OPTION_DEVICE                                                                              \
    { "device", 'd', "NAME",                                                                       \
      "host, opencl, opencl:gpu, opencl:0:1 or a part of a name; goes before BELAY_DEVICE",        \
      TEXT(device) }

// Fills `cli` from the arguments after the command's name. False: cli->error says why.
// cli->data and cli->rest must have room for argc pointers.
bool options_parse(struct cli *cli, int argc, char **argv);
void options_help(const struct command *command, FILE *to);
void options_json(const struct command *command, FILE *to);
// The nearest of `count` names, or NULL.
const char *nearest(const char *got, const char *const *names, size_t count);
// A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD.
void json_text(FILE *to, const char *text);
// A JSON number; null when it is not finite.
void json_number(FILE *to, double value);

#endif
