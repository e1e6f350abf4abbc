// Loads a model that the tutorial (docs/tutorial.md) trained and says what some penguins are.
#include <belay/belay.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// In the order of the table's columns, the target left out. A word counts as the index of its value
// among those of the training data, in alphabetical order; NaN is an empty cell.
enum { COLUMNS = 7 };
static const float penguins[][COLUMNS] = {
    // island (Biscoe, Dream, Torgersen), bill length and depth, flipper length in mm, body mass in g,
    // sex (female, male), year
    { 2, 39.1f, 18.7f, 181, 3750, 1, 2007 },
    { 1, 46.5f, 17.9f, 192, 3500, 0, 2007 },
    { 0, 50.0f, NAN, 230, 5700, 1, 2009 },
};
enum { ROWS = sizeof(penguins) / sizeof(penguins[0]) };

static void check(belay_ctx *ctx, belay_status status)
{
    if (status == BELAY_OK)
        return;
    fprintf(stderr, "%s: %s\n", belay_status_name(status), belay_ctx_error(ctx));
    exit(1);
}

int main(int argc, char **argv)
{
    belay_ctx *ctx = NULL;
    belay_model *model = NULL;
    const char *path = argc > 1 ? argv[1] : "runs/penguins/best.safetensors";

    check(ctx, belay_ctx_create(NULL, &ctx)); // BELAY_DEVICE chooses the device
    check(ctx, belay_model_load(ctx, path, ROWS, &model));
    size_t classes = belay_model_output_count(model);
    if (belay_model_input_count(model) != COLUMNS) {
        fprintf(stderr, "%s takes %zu numbers a row\n", path, belay_model_input_count(model));
        return 1;
    }
    float *probability = malloc(ROWS * classes * sizeof(*probability));
    if (!probability)
        return 1;
    check(ctx, belay_model_predict(model, penguins[0], ROWS, probability));
    for (size_t i = 0; i < ROWS; i++) {
        const float *p = &probability[i * classes];
        size_t best = 0;
        for (size_t c = 1; c < classes; c++)
            best = p[c] > p[best] ? c : best;
        printf("penguin %zu: %s (%.3f)\n", i, belay_model_class(model, best), p[best]);
    }
    free(probability);
    belay_model_destroy(&model);
    belay_ctx_destroy(&ctx);
}
