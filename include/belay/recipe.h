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

// Looks at data files (a CSV; IDX images, with the labels beside them found by name; .npy of x and y;
// an .npz) and hands over a commented recipe that trains on them. `target` names the column of a
// CSV to predict; NULL: one whose name says so, else the last.
BELAY_API BELAY_MUST_CHECK belay_status belay_recipe_guess(belay_ctx *ctx, const char *const *files,
                                                           size_t num, const char *target,
                                                           belay_text_fn fn, void *user);

// All that a recipe can say: `kind` is "key" (name "train.batch"), "format" (of data), "layer",
// "loss", "metric", "optimizer", "rule" (of stop.rule), "schedule", "preset" (stop rules of other programs,
// for `belay replay`), "operator" (of graphs), or "environment" for the variables that the library
// reads. Options follow what they belong to: kind "option", name "lr".
typedef struct belay_config_item {
    const char *kind, *name;
    const char *type;    // "int", "float", "length", "a|b|c"; "" where it has no value
    char fallback[64];   // the default as it would be written; "" for none
    char range[96];      // what is taken: "1 or more", "0 to 0.5", "checks, steps or time"; "" for any
    const char *help;    // one line
} belay_config_item;
// The item at `index`, in the order of the help; false past the last. Any thread.
BELAY_API bool belay_config_item_at(size_t index, belay_config_item *out);

#ifdef __cplusplus
}
#endif
#endif
