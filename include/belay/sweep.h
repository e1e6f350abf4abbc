// Many trainings of one recipe with other values, scored on rows that neither trained nor stopped them.
#ifndef BELAY_SWEEP_H
#define BELAY_SWEEP_H

#include <belay/recipe.h>
#include <belay/trainer.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum belay_sweep_kind {
    BELAY_SWEEP_STEP,   // an optimizer step was made; `line` is NULL
    BELAY_SWEEP_FOLD,   // a fold of a trial is done, or was done before (`old`)
    BELAY_SWEEP_RESULT, // a line of the table of results, best first; the first is the header
} belay_sweep_kind;

typedef struct belay_sweep_event {
    belay_sweep_kind kind;
    size_t trial, num_trials; // trials are counted from 0
    size_t fold, num_folds;
    bool old;         // FOLD: from an earlier process
    const char *line; // for people
    const char *json; // FOLD, RESULT (not the header): the same as one JSON object; else NULL
} belay_sweep_event;

// False ends the sweep (BELAY_ERR_CANCELLED); the same call goes on with it.
typedef bool (*belay_sweep_fn)(void *user, const belay_sweep_event *event);

// Runs what the recipe's `sweep` says. In the folder sweep.dir (runs/sweep): trials.jsonl, one line for
// each fold, durable at once; at the end results.jsonl and best.yaml. A sweep that was cut off goes on
// with the fold it was in; BELAY_ERR_EXISTS when the folder is of another sweep. `fn` may be NULL.
BELAY_API BELAY_MUST_CHECK belay_status belay_sweep(belay_ctx *ctx, const belay_recipe *recipe,
                                                    belay_sweep_fn fn, void *user);

#ifdef __cplusplus
}
#endif
#endif
