// A recipe, a NUL byte, and an override: what is accepted reads back as what it is written as.
#include "fuzz.h"

#include <belay/belay.h>

static belay_status parse(belay_ctx *ctx, const char *text, const char *override,
                          belay_recipe **out)
{
    const char *overrides[] = { override };
    return belay_recipe_parse(ctx, text, "fuzz", overrides, override[0] != '\0', out);
}

static void read_again(belay_ctx *ctx, const belay_recipe *recipe)
{
    belay_recipe *again;
    FUZZ_CHECK(parse(ctx, belay_recipe_text(recipe), "", &again) == BELAY_OK);
    FUZZ_CHECK(strcmp(belay_recipe_text(again), belay_recipe_text(recipe)) == 0);
    belay_recipe_destroy(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static belay_ctx *ctx; // lives as long as the program
    const belay_ctx_params params = { .device = "host" };
    belay_recipe *recipe;
    char *text = malloc(size + 2);

    FUZZ_CHECK(text && (ctx || belay_ctx_create(&params, &ctx) == BELAY_OK));
    if (size)
        memcpy(text, data, size);
    text[size] = text[size + 1] = '\0';
    belay_status status = parse(ctx, text, text + strlen(text) + 1, &recipe);
    FUZZ_CHECK(status == BELAY_OK || status == BELAY_ERR_RECIPE || status == BELAY_ERR_UNSUPPORTED);
    FUZZ_CHECK((status == BELAY_OK) == (recipe != NULL));
    if (recipe)
        read_again(ctx, recipe);
    belay_recipe_destroy(&recipe);
    free(text);
    return 0;
}
