#include "cli.h"

struct written {
    FILE *to;
    bool json; // as a member of an object
};

static bool write_text(void *user, const char *text, size_t size)
{
    struct written *w = user;
    if (w->json) { // it comes whole, and ends with a NUL
        fprintf(w->to, "{\"recipe\": ");
        json_text(w->to, text);
        return fprintf(w->to, "}\n") > 0;
    }
    return fwrite(text, 1, size, w->to) == size;
}

// The comment lines at its head, for people; and what to do next.
static void say(const char *path)
{
    fprintf(stderr, "wrote ");
    print_safe(stderr, path);
    fprintf(stderr, "; its first lines say what was guessed. Next: belay train ");
    print_safe(stderr, path);
    fprintf(stderr, "\n");
}

static void json_path(const char *path)
{
    printf("{\"path\": ");
    json_text(stdout, path);
    printf("}\n");
}

static int run(struct cli *cli)
{
    struct written w = { stdout, cli->json && !cli->out };
    belay_ctx *ctx = NULL;
    // A recipe that somebody has changed by hand is not overwritten.
    if (cli->out && !(w.to = fopen(cli->out, "wx")))
        return cli_error(cli, is_file(cli->out) ? EXIT_EXISTS : EXIT_DATA, "%s: %s", cli->out,
                         is_file(cli->out) ? "is there already" : "cannot be written");
    belay_status status = cli_open(cli, &ctx);
    if (status == BELAY_OK)
        status = belay_recipe_guess(ctx, cli->rest, cli->num_rest, cli->target, write_text, &w);
    bool closed = !cli->out || fclose(w.to) == 0;
    int code = EXIT_DONE;
    if (status != BELAY_OK)
        code = cli_fail(cli, status);
    else if (!closed)
        code = cli_error(cli, EXIT_DATA, "%s: could not be written", cli->out);
    if (cli->out && code != EXIT_DONE)
        remove(cli->out);
    else if (cli->out && cli->json)
        json_path(cli->out);
    else if (cli->out && !cli->quiet)
        say(cli->out);
    belay_ctx_destroy(&ctx);
    return code;
}

static const struct option_row options[] = {
    OPTION_HELP,
    OPTION_JSON,
    OPTION_QUIET,
    { "target", 't', "NAME", "csv: the column to predict; without it one whose name says so, else "
      "the last", TEXT(target) },
    { "out", 'o', "FILE", "where to write the recipe; without it to the output", TEXT(out) },
    { 0 },
};

const struct command command_init = {
    .name = "init",
    .args = "DATA [LABELS]",
    .summary = "Looks at a data file and writes a commented recipe that trains on it",
    .detail = "DATA is a CSV, IDX images (labels and test files are found beside them), .npy of x (y\n"
              "beside it or given) or .npz.\n",
    .options = options,
    .min_rest = 1,
    .max_rest = 2,
    .run = run,
};
