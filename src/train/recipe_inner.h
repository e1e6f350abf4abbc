// Between the files of the recipe.
#ifndef BELAY_TRAIN_RECIPE_INNER_H
#define BELAY_TRAIN_RECIPE_INNER_H

#include "train/recipe.h"

// BELAY_ERR_RECIPE with "file:line: " (or the override's text) before the message.
belay_status belay_recipe_bad(struct belay_recipe *r, const struct belay_yaml *node,
                              const char *format, ...) BELAY_PRINTF(3, 4);

// A value by its key, into the recipe; `node` is what was written, NULL for the fallback.
belay_status belay_recipe_value(struct belay_recipe *r, const struct belay_key *key,
                                const struct belay_yaml *node);
// The schedule on one line, as the resolved text has it: {name: ..., ...}
void belay_schedule_text(struct belay_str *s, const struct belay_recipe *r);
// The keys of clipping, ends with NULL.
extern const char *const belay_clip_keys[];
// A value for people and for the resolved file; false when it is not set.
bool belay_recipe_value_text(const struct belay_recipe *r, const struct belay_key *key,
                             struct belay_str *out);
const struct belay_key *belay_recipe_key(const char *path); // or NULL
// Which of "a|b|c" `word` is, or -1.
int belay_recipe_choice(const char *choices, const char *word);
// Typed scalars; *out untouched when it is something else. Quoted scalars are texts.
bool belay_recipe_as_double(const struct belay_yaml *node, double *out);
bool belay_recipe_as_bool(const struct belay_yaml *node, bool *out);
// A number of bytes: "500 MB", "2 GiB", "1e9".
bool belay_parse_bytes(const char *text, double *out);
bool belay_recipe_is_off(const struct belay_yaml *node);   // off, none, false
bool belay_recipe_is_empty(const struct belay_yaml *node); // nothing after the colon, null or ~

// loss, metrics, optimizer, schedule: by their descriptors.
belay_status belay_recipe_named(struct belay_recipe *r);
// A loss as "mse" or {name: huber, …}; `prefix` is its key. `extra` as in read_options.
belay_status belay_recipe_loss(struct belay_recipe *r, const char *prefix,
                               const struct belay_yaml *node, const char *const *extra,
                               const struct belay_loss **loss, double *options);
// Adds a metric that suits the loss; `head` NULL: of the only one.
belay_status belay_recipe_add_metric(struct belay_recipe *r, const struct belay_yaml *node,
                                     const char *name, const struct belay_loss *loss,
                                     const char *head, int number);
belay_status belay_recipe_read_metrics(struct belay_recipe *r, const struct belay_yaml *node,
                                       const struct belay_loss *loss, const char *head, int number);
// model.inputs and heads.
belay_status belay_recipe_inputs(struct belay_recipe *r);
belay_status belay_recipe_heads(struct belay_recipe *r);
void belay_recipe_write_heads(const struct belay_recipe *r, struct belay_str *out);
void belay_str_add_options(struct belay_str *s, const struct belay_option *options,
                           const double *values);
// stop and checkpoint.best: what is more than one value of the table.
belay_status belay_recipe_stop(struct belay_recipe *r);
// What is written at a path, or NULL.
const struct belay_yaml *belay_recipe_node(const struct belay_recipe *r, const char *path);
// A text as a YAML scalar, in quotes where it needs them.
void belay_str_add_yaml(struct belay_str *s, const char *text, bool quoted);

// Any tree on one line (flow style): what model files keep of a recipe's `model`.
void belay_str_add_yaml_tree(struct belay_str *s, const struct belay_yaml *node);

// The struct as YAML, before derived values are set; owned.
belay_status belay_recipe_write(const struct belay_recipe *r, char **text);

#endif
