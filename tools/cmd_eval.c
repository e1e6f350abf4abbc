#include <math.h>

#include "cli.h"

// Counts of one class against all others.
struct counts {
    double tp, fp, fn, tn;
};

static struct counts count_class(const belay_scores *s, size_t class)
{
    struct counts c = { 0 };
    for (size_t t = 0; t < s->classes; t++) {
        for (size_t p = 0; p < s->classes; p++) {
            double rows = s->confusion[t * s->classes + p];
            *(t == class ? (p == class ? &c.tp : &c.fn) : p == class ? &c.fp : &c.tn) += rows;
        }
    }
    return c;
}

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static const char *class_name(const belay_model *model, size_t class)
{
    const char *name = belay_model_class(model, class);
    return name ? name : "?";
}

static void print_classes(const belay_model *model, const belay_scores *s)
{
    printf("\n  %-16s %9s %6s %6s %7s %7s %7s %7s\n", "class", "precision", "recall", "F1", "TP",
           "FP", "FN", "TN");
    for (size_t i = 0; i < s->classes; i++) {
        struct counts c = count_class(s, i);
        printf("  %-16.16s %9.4f %6.4f %6.4f %7.6g %7.6g %7.6g %7.6g\n", class_name(model, i),
               ratio(c.tp, c.tp + c.fp), ratio(c.tp, c.tp + c.fn),
               ratio(2 * c.tp, 2 * c.tp + c.fp + c.fn), c.tp, c.fp, c.fn, c.tn);
    }
    if (s->classes > 20)
        return;
    printf("\n  rows of each class (down) by prediction (across):\n");
    for (size_t t = 0; t < s->classes; t++) {
        printf("  %-12.12s", class_name(model, t));
        for (size_t p = 0; p < s->classes; p++)
            printf(" %6.6g", s->confusion[t * s->classes + p]);
        printf("\n");
    }
}

static void print_scores(const char *path, const belay_model *model, const belay_scores *s)
{
    printf("%s: %llu rows\n", path, (unsigned long long) s->rows);
    printf("  %-12s %.6g\n", "loss", s->loss);
    for (size_t i = 0; i < s->count; i++)
        printf("  %-12s %.6g\n", s->name[i], s->value[i]);
    if (s->confusion)
        print_classes(model, s);
}

static void json_confusion(const belay_model *model, const belay_scores *s)
{
    printf(", \"classes\": [");
    for (size_t i = 0; i < s->classes; i++) {
        printf("%s", i ? ", " : "");
        json_text(stdout, class_name(model, i));
    }
    printf("], \"confusion\": [");
    for (size_t t = 0; t < s->classes; t++)
        for (size_t p = 0; p < s->classes; p++)
            printf("%s%.9g%s", p ? ", " : t ? ", [" : "[", s->confusion[t * s->classes + p],
                   p + 1 == s->classes ? "]" : "");
    printf("], \"recall_of_class\": [");
    for (size_t i = 0; i < s->classes; i++) {
        struct counts c = count_class(s, i);
        printf("%s", i ? ", " : "");
        json_number(stdout, ratio(c.tp, c.tp + c.fn));
    }
    printf("]");
}

static void print_json(const char *path, const belay_model *model, const belay_scores *s)
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
    if (s->confusion)
        json_confusion(model, s);
    printf("}\n");
}

static belay_status evaluate(struct cli *cli, belay_ctx *ctx, const char *path, const char *recipe)
{
    belay_scores scores = { 0 };
    belay_recipe *loaded = NULL;
    belay_model *model = NULL;
    belay_status status = BELAY_OK;
    if (recipe)
        status = belay_recipe_load(ctx, recipe, NULL, 0, &loaded);
    if (status == BELAY_OK)
        status = belay_model_load(ctx, path, 0, &model);
    if (status == BELAY_OK)
        status = belay_model_evaluate(model, loaded, cli->data, cli->num_data, &scores);
    if (status == BELAY_OK && cli->json)
        print_json(path, model, &scores);
    else if (status == BELAY_OK)
        print_scores(path, model, &scores);
    belay_model_destroy(&model);
    belay_recipe_destroy(&loaded);
    return status;
}

static int run(struct cli *cli)
{
    char path[4096], recipe[4096];
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
        status = evaluate(cli, ctx, path, own ? NULL : recipe);
    int code = status == BELAY_OK ? EXIT_DONE : cli_fail(cli, status);
    belay_ctx_destroy(&ctx);
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
