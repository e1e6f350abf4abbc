// A trained model: loads a best or last file, predicts, evaluates, saves.
#ifndef BELAY_MODEL_H
#define BELAY_MODEL_H

#include <belay/recipe.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct belay_model belay_model;

// Loads a file written by a trainer (best.safetensors, last.safetensors); architecture,
// preprocessing and classes are inside it. `max_rows` rows go through the device at once (0: 256).
// *out is owned.
BELAY_API BELAY_MUST_CHECK belay_status belay_model_load(belay_ctx *ctx, const char *path,
                                                         size_t max_rows, belay_model **out);
BELAY_API void belay_model_destroy(belay_model **model);
// Numbers of one row before preprocessing, and of one row of outputs.
BELAY_API size_t belay_model_input_count(const belay_model *model);
BELAY_API size_t belay_model_output_count(const belay_model *model);
// The name of class `index` (with heads: of the class whose probability output `index` is), NULL when
// out of range or not a classifier.
BELAY_API const char *belay_model_class(const belay_model *model, size_t index);
// A model with several heads: outputs first, first + 1, … of a row are those of one of them.
typedef struct belay_head_info {
    const char *name;
    size_t first, count;
    bool classes; // probabilities of the classes that belay_model_class names; else numbers
} belay_head_info;
// The head at `index`; false past the last, and of a model with one output. Texts live with the model.
BELAY_API bool belay_model_head(const belay_model *model, size_t index, belay_head_info *out);
// rows x input_count raw features (as the training data had them, before preprocessing) to rows x
// output_count outputs: class probabilities for a classifier, values for a regression.
BELAY_API BELAY_MUST_CHECK belay_status belay_model_predict(belay_model *model, const float *x,
                                                            size_t rows, float *out);
// Writes weights and metadata as one safetensors file, durably.
BELAY_API BELAY_MUST_CHECK belay_status belay_model_save(belay_model *model, const char *path);

#define BELAY_MAX_SCORES 64
typedef struct belay_scores {
    uint64_t rows;
    double loss;  // the one that it was trained with, as a mean over the rows
    size_t count; // of those below: every metric for classes, or for numbers; of each head "HEAD.f1"
    const char *name[BELAY_MAX_SCORES];
    double value[BELAY_MAX_SCORES];
    size_t classes;          // 0 for numbers and with heads
    const double *confusion; // [classes * classes]: rows of true class t predicted as p at
                             // [t * classes + p]; until the next call with the model
} belay_scores;
// Measures the model on data files (as in the recipe's data.test), or with num 0 on the test data
// of `recipe`. `recipe` may be NULL when files are given.
BELAY_API BELAY_MUST_CHECK belay_status belay_model_evaluate(belay_model *model,
                                                             const belay_recipe *recipe,
                                                             const char *const *files, size_t num,
                                                             belay_scores *out);
// Called for each row: its id in the file (or its number from 0) and its `count` outputs as
// belay_model_predict gives them. False ends the pass (BELAY_ERR_CANCELLED).
typedef bool (*belay_row_fn)(void *user, const char *id, const float *output, size_t count);
// Predicts all rows of data files; targets in them are not needed.
BELAY_API BELAY_MUST_CHECK belay_status belay_model_predict_files(belay_model *model,
                                                                  const char *const *files,
                                                                  size_t num, belay_row_fn fn,
                                                                  void *user);

#ifdef __cplusplus
}
#endif
#endif
