#include <math.h>

#include "cli.h"

static void print_scores(const char *path, const belay_scores *s)
{
    printf("%s: %llu rows\n", path, (unsigned long long) s->rows);
    printf("  %-12s %.6g\n", "loss", s->loss);
    for (size_t i = 0; i < s->count; i++)
        printf("  %-12s %.6g\n", s->name[i], s->value[i]);
}

static void print_json(const char *path, const belay_scores *s)
{
    printf("{\"model\": ");
    json_text(stdout, path);
    printf(", \"rows\": %llu, \"loss\": ", (unsigned long long) s->rows);
    json_number(stdout, s->loss);
    for (size_t i = 0; i < s->count; i++) {
        printf(", ");
        json_text(stdout, s->name[i]);
        printf(": ");
        json_number(stdout, s->value[i]);
    }
    printf("}\n");
}

static belay_status evaluate(struct cli *cli, belay_ctx *ctx, const char *path, const char *recipe,
                             belay_scores *scores)
{
    belay_recipe *loaded = NULL;
    belay_model *model = NULL;
    belay_status status = BELAY_OK;
    if (recipe)
        status = belay_recipe_load(ctx, recipe, NULL, 0, &loaded);
    if (status == BELAY_OK)
        status = belay_model_load(ctx, path, 0, &model);
    if (status == BELAY_OK)
        status = belay_model_evaluate(model, loaded, cli->data, cli->num_data, scores);
    belay_model_destroy(&model);
    belay_recipe_destroy(&loaded);
    return status;
}

static int run(struct cli *cli)
{
    char path[4096], recipe[4096];
    belay_scores scores = { 0 };
    belay_ctx *ctx = NULL;
    take_data(cli);
    bool own = cli->num_data > 0;
    if (!model_path(path, sizeof(path), cli->rest[0]))
        return cli_error(cli, EXIT_USAGE, "the path is too long");
    if (!own && !recipe_beside(recipe, sizeof(recipe), cli->rest[0]))
        return cli_error(cli, EXIT_USAGE, "%s: no resolved.yaml lies beside it; say on which "
                         "files", cli->rest[0]);
    belay_status status = cli_open(cli, &ctx);
    if (status == BELAY_OK)
        status = evaluate(cli, ctx, path, own ? NULL : recipe, &scores);
    int code = status == BELAY_OK ? EXIT_DONE : cli_fail(cli, status);
    belay_ctx_destroy(&ctx);
    if (code == EXIT_DONE && cli->json)
        print_json(path, &scores);
    else if (code == EXIT_DONE)
        print_scores(path, &scores);
    return code;
}

static const struct option_row options[] = {
    OPTION_HELP,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_DEVICE,
    { "data", 0, "FILE", "the same as DATA; again for the next file", OPTION_DATA, 0 },
    { 0 },
};

const struct command command_eval = {
    .name = "eval",
    .args = "RUN|FILE [DATA...]",
    .summary = "Measures a trained model on the test data of its recipe or on given files",
    .detail = "RUN means its best.safetensors. DATA as in data.test of a recipe: for idx the images,\n"
              "then the labels. Without it, the test data of the recipe beside the model.\n",
    .options = options,
    .min_rest = 1,
    .max_rest = (size_t) -1,
    .run = run,
};
