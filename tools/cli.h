// What the commands share: the context, messages, exit codes, the terminal.
#ifndef BELAY_TOOLS_CLI_H
#define BELAY_TOOLS_CLI_H

#include <belay/belay.h>

#include "options.h"

// Exit codes; the table with their meaning is exit_codes.
enum {
    EXIT_DONE = 0,
    EXIT_OTHER = 1,
    EXIT_USAGE = 2,
    EXIT_NO_DEVICE = 3,
    EXIT_DEVICE = 4,
    EXIT_DIVERGED = 5,
    EXIT_CANCELLED = 6,
    EXIT_DAMAGED = 7,
    EXIT_DATA = 8,
    EXIT_EXISTS = 9,
};
struct exit_code {
    int code;
    const char *name, *help;
};
extern const struct exit_code exit_codes[]; // ends with a NULL name
extern const struct command *const commands[]; // ends with NULL

int exit_of(belay_status status);
// Makes the context of a command: messages go to stderr, errors are kept in cli->error.
belay_status cli_open(struct cli *cli, belay_ctx **ctx);
// Ends a command that failed: with --json its last line says so. Returns the exit code.
int cli_fail(struct cli *cli, belay_status status);
// The same for what the command itself found; prints the message.
int cli_error(struct cli *cli, int code, const char *format, ...);

bool is_folder(const char *path);
bool is_file(const char *path);
// folder + "/" + name into `out`; false when it is too long.
bool join_path(char *out, size_t size, const char *folder, const char *name);
// The model file of RUN|FILE (or of a folder with model.safetensors or its shards), and the recipe
// that lies beside it (false: there is none).
bool model_path(char *out, size_t size, const char *run_or_file);
bool recipe_beside(char *out, size_t size, const char *run_or_file);
// The arguments after RUN|FILE are data files too.
void take_data(struct cli *cli);
// Text for a terminal: control bytes as '?'.
void print_safe(FILE *to, const char *text);
// "12.3 MiB"
const char *size_text(char out[32], double bytes);
// "1:02:03"
const char *time_text(char out[32], double seconds);

// The live line, rewritten in place; nothing unless stderr is a terminal.
bool live_wanted(void);
void live_show(const char *text);
void live_clear(void);
double clock_seconds(void);
size_t terminal_width(void); // columns of the output's terminal; 0: it is none

// "55min", "90s", "2 hours" in seconds; false: it is none. NULL gives 0.
bool read_time(const char *text, double *seconds);
// RUN@best, RUN@last, RUN@STEP, RUN or a file, as the file with the weights.
bool weights_path(char *out, size_t size, const char *from);
// checkpoint.on_save: call often; `saved` is a new checkpoint or NULL. The second waits for the last.
void on_save(const char *const *argv, const char *saved);
void on_save_end(void);

// Training and what is said of it, for train and resume. Destroys *trainer.
int train_to_end(struct cli *cli, belay_trainer **trainer);
// Goes on with the run cli->rest[0]; the rest are changes. The exit code.
int resume_to_end(struct cli *cli, const belay_trainer_params *params);

#endif
