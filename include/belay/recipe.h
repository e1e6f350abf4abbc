// Recipes: what to train, on what, how, and when to stop. YAML, strict: an unknown key or a wrong
// type is an error with file, line and a suggestion. `belay config` lists every key.
#ifndef BELAY_RECIPE_H
#define BELAY_RECIPE_H

#include <belay/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct belay_recipe belay_recipe;

// Reads a recipe file. `overrides` are `num` texts "key.path=value" (YAML values), later ones win;
// may be NULL. Relative paths inside it are relative to the working directory. *out is owned.
BELAY_API BELAY_MUST_CHECK belay_status belay_recipe_load(belay_ctx *ctx, const char *path,
                                                          const char *const *overrides, size_t num,
                                                          belay_recipe **out);
// The same from a text; `name` stands for the file in messages.
BELAY_API BELAY_MUST_CHECK belay_status belay_recipe_parse(belay_ctx *ctx, const char *text,
                                                           const char *name,
                                                           const char *const *overrides,
                                                           size_t num, belay_recipe **out);
BELAY_API void belay_recipe_destroy(belay_recipe **recipe);
// The recipe as YAML with every default written out. Valid until the recipe is destroyed.
BELAY_API const char *belay_recipe_text(const belay_recipe *recipe);

#ifdef __cplusplus
}
#endif
#endif
