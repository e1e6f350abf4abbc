#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

// One cell of CSV, in quotes where RFC 4180 wants them.
static void put_cell(FILE *to, const char *text)
{
    if (!strpbrk(text, ",\"\r\n") && text[0]) {
        fputs(text, to);
        return;
    }
    fputc('"', to);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', to);
        fputc(*text, to);
    }
    fputc('"', to);
}

struct table {
    FILE *to;
    const belay_model *model;
    bool classes, heads;
    unsigned long long rows;
};

// HEAD for classes and numbers, then HEAD.CLASS, or HEAD_2 and so on.
static void put_head_names(struct table *t, const belay_head_info *h)
{
    char name[256];
    fputc(',', t->to);
    put_cell(t->to, h->name);
    for (size_t i = h->classes ? 0 : 1; i < h->count; i++) {
        if (h->classes)
            snprintf(name, sizeof(name), "%s.%s", h->name, belay_model_class(t->model, h->first + i));
        else
            snprintf(name, sizeof(name), "%s_%zu", h->name, i + 1);
        fputc(',', t->to);
        put_cell(t->to, name);
    }
}

static void put_header(struct table *t)
{
    size_t count = belay_model_output_count(t->model);
    belay_head_info h;
    if (t->heads) {
        fputs("row", t->to);
        for (size_t i = 0; belay_model_head(t->model, i, &h); i++)
            put_head_names(t, &h);
        fputc('\n', t->to);
        return;
    }
    fputs("row,prediction", t->to);
    for (size_t i = 0; t->classes && i < count; i++) {
        fputc(',', t->to);
        put_cell(t->to, belay_model_class(t->model, i));
    }
    for (size_t i = 1; !t->classes && i < count; i++)
        fprintf(t->to, ",prediction_%zu", i + 1);
    fputc('\n', t->to);
}

// The likeliest class, then the numbers.
static void put_outputs(struct table *t, size_t first, size_t count, bool classes,
                        const float *output)
{
    if (classes) {
        size_t best = first;
        for (size_t i = first + 1; i < first + count; i++)
            if (output[i] > output[best])
                best = i;
        fputc(',', t->to);
        put_cell(t->to, belay_model_class(t->model, best));
    }
    for (size_t i = first; i < first + count; i++)
        fprintf(t->to, ",%.9g", (double) output[i]);
}

static bool put_row(void *user, const char *id, const float *output, size_t count)
{
    struct table *t = user;
    belay_head_info h;
    if (t->rows == 0)
        put_header(t);
    put_cell(t->to, id);
    for (size_t i = 0; belay_model_head(t->model, i, &h); i++)
        put_outputs(t, h.first, h.count, h.classes, output);
    if (!t->heads)
        put_outputs(t, 0, count, t->classes, output);
    fputc('\n', t->to);
    t->rows++;
    return !ferror(t->to);
}

static belay_status predict(struct cli *cli, belay_ctx *ctx, struct table *table)
{
    char path[4096];
    belay_model *model = NULL;
    if (!model_path(path, sizeof(path), cli->rest[0]))
        return BELAY_ERR_ARG;
    belay_status status = belay_model_load(ctx, path, 0, &model);
    if (status == BELAY_OK) {
        table->model = model;
        belay_head_info first;
        table->heads = belay_model_head(model, 0, &first);
        table->classes = !table->heads && belay_model_class(model, 0) != NULL;
        status = belay_model_predict_files(model, cli->data, cli->num_data, put_row, table);
    }
    belay_model_destroy(&model);
    return status;
}

// Predictions go to a file beside the one that is wanted until they are whole.
static int run_to(struct cli *cli, belay_ctx *ctx, const char *part)
{
    struct table table = { .to = part ? fopen(part, "w") : stdout };
    if (!table.to)
        return cli_error(cli, EXIT_DATA, "%s: %s", part, strerror(errno));
    belay_status status = predict(cli, ctx, &table);
    bool written = fflush(table.to) == 0 && !ferror(table.to);
    if (part && fclose(table.to) != 0)
        written = false;
    if (status != BELAY_OK && !(status == BELAY_ERR_CANCELLED && !written))
        return cli_fail(cli, status);
    if (!written || (part && rename(part, cli->out) != 0))
        return cli_error(cli, EXIT_DATA, "%s: %s", part ? cli->out : "output", strerror(errno));
    if (cli->json) {
        printf("{\"rows\": %llu, \"out\": ", table.rows);
        if (part)
            json_text(stdout, cli->out);
        else
            printf("null");
        printf("}\n");
    } else if (part && !cli->quiet) {
        fprintf(stderr, "belay: %llu rows to %s\n", table.rows, cli->out);
    }
    return EXIT_DONE;
}

static int run(struct cli *cli)
{
    char part[4096];
    belay_ctx *ctx = NULL;
    take_data(cli);
    if (cli->num_data == 0)
        return cli_error(cli, EXIT_USAGE, "say which file to predict: belay predict %s FILE",
                         cli->rest[0]);
    if (cli->out && (size_t) snprintf(part, sizeof(part), "%s.part", cli->out) >= sizeof(part))
        return cli_error(cli, EXIT_USAGE, "the path is too long");
    belay_status status = cli_open(cli, &ctx);
    if (status != BELAY_OK)
        return cli_fail(cli, status);
    int code = run_to(cli, ctx, cli->out ? part : NULL);
    if (code != EXIT_DONE && cli->out)
        remove(part);
    belay_ctx_destroy(&ctx);
    return code;
}

static const struct option_row options[] = {
    OPTION_HELP,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_DEVICE,
    { "data", 0, "FILE", "the same as DATA", OPTION_DATA, 0 },
    { "out", 'o', "FILE", "where the CSV goes; else to the output", TEXT(out) },
    { 0 },
};

const struct command command_predict = {
    .name = "predict",
    .args = "RUN|FILE DATA... [--out CSV]",
    .summary = "Predicts rows with a trained model; writes CSV",
    .detail = "One line a row: its id, the prediction, and for classes the probability of each. A model\n"
              "with heads gives that for each of them: HEAD, HEAD.CLASS.\n"
              "RUN means its best.safetensors. Targets in DATA are not needed.\n",
    .options = options,
    .min_rest = 1,
    .max_rest = (size_t) -1,
    .run = run,
};
