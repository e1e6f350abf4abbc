// Reads cases of numbers from elsewhere (`index.jsonl` and safetensors files, see their README) and
// compares. Every attribute and tolerance comes from the files.
//
// The folder: BELAY_CASES, or golden/ in it; else ../shared/cases/golden; else tests/data/golden.
#ifndef BELAY_TESTS_GOLDEN_H
#define BELAY_TESTS_GOLDEN_H

#include "device/device.h"
#include "format/json.h"
#include "format/safetensors.h"

struct golden_case {
    struct belay_log *log;         // for calls of the library
    const char *group, *name, *op; // op "" when the line has none
    const char *folder;            // of the group
    const struct belay_json *line; // the case's object
    struct belay_st st;            // its file; empty when the line has none
    bool has_file;
    struct belay_device *device;   // NULL in groups that need none
};

enum golden_result { GOLDEN_PASS, GOLDEN_FAIL, GOLDEN_SKIP };
// Runs one case. On failure it has called golden_fail (golden_compare does).
typedef enum golden_result (*golden_run_fn)(struct golden_case *c);

// Runs every line of GROUP/index.jsonl, counts into the harness's numbers, prints failures, and at
// the end the skipped ops by name. A device's select string, or NULL for the default; with
// no_device no device is opened.
void golden_group(const char *group, golden_run_fn run, const char *device);
void golden_group_no_device(const char *group, golden_run_fn run);
// NULL when there are no cases at all.
const char *golden_folder(void);
// True when BELAY_DEVICE names the host, so that a second run would be the same.
bool golden_default_is_host(void);

// Says why the case fails; returns GOLDEN_FAIL.
enum golden_result golden_fail(struct golden_case *c, const char *format, ...) BELAY_PRINTF(2, 3);

// Attributes of line.attributes; the fallback when missing or null.
const struct belay_json *golden_attr(const struct golden_case *c, const char *name); // or NULL
double golden_number(const struct golden_case *c, const char *name, double fallback);
bool golden_flag(const struct golden_case *c, const char *name, bool fallback);
const char *golden_text(const struct golden_case *c, const char *name, const char *fallback);
// A list of numbers, or one number as a list of one; how many, -1 when missing.
int golden_list(const struct golden_case *c, const char *name, int max, int64_t *out);
// True when every attribute is one of the names in `known` (separated by spaces).
bool golden_only(const struct golden_case *c, const char *known);

// A tensor of the file by name ("in.x"), converted; NULL data and false when it is missing (which
// golden_fail has told).
bool golden_load(struct golden_case *c, const char *tensor, belay_dtype as,
                 struct belay_tensor *out);
// Compares with the tensor of that name within the case's tolerance of that name; bool and
// integers must be equal. False after golden_fail. `got` has `count` doubles.
bool golden_compare(struct golden_case *c, const char *tensor, const double *got, int64_t count);
// The same with F32 or I32 values of a program.
bool golden_compare_f32(struct golden_case *c, const char *tensor, const float *got,
                        int64_t count);
// One element against a number: |got - want| <= atol + rtol |want|.
bool golden_close(double got, double want, double atol, double rtol);

// ---- One graph call: outputs and gradients of named inputs ----

enum { GOLDEN_MAX_IN = BELAY_MAX_IN, GOLDEN_MAX_OUT = 8 };
struct golden_call {
    struct golden_case *c;
    struct belay_graph *graph;
    int num_in;
    const char *in_name[GOLDEN_MAX_IN]; // as in line.inputs
    belay_value *in[GOLDEN_MAX_IN];
};
// The input of that name, NULL when the case has none. Integers are I32, all else F32.
belay_value *golden_in(const struct golden_call *call, const char *name);
// Builds the outputs (as many as line.outputs) from the inputs.
typedef void (*golden_build_fn)(const struct golden_call *call, belay_value **out);
// Builds, runs on c->device and compares out.* and grad.*.
enum golden_result golden_run_graph(struct golden_case *c, golden_build_fn build);

// ---- Groups ----
enum golden_result golden_op(struct golden_case *c);
enum golden_result golden_loss(struct golden_case *c);
enum golden_result golden_optimizer(struct golden_case *c);
enum golden_result golden_schedule(struct golden_case *c);
enum golden_result golden_metric(struct golden_case *c);
enum golden_result golden_training(struct golden_case *c);
// Statistics of dropout by the rule of ops/dropout.json, on one device (a select string or NULL).
void golden_dropout(const char *device);

#endif
