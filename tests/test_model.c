// Layers of a recipe: names, shapes, initialisers, errors with their place.
#include "harness.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "model/layer.h"

#define ROWS 6

static struct belay_log log_;
static struct belay_yaml_doc doc;
static struct belay_graph *graph;
static struct belay_model_params params;

static void setup(void)
{
    memset(&log_, 0, sizeof(log_));
    memset(&doc, 0, sizeof(doc));
    memset(&params, 0, sizeof(params));
    graph = NULL;
}

static void clear(void)
{
    belay_model_params_finish(&params);
    belay_graph_destroy(&graph);
    belay_yaml_finish(&doc);
    memset(&doc, 0, sizeof(doc));
}

// Builds the text's `model` on [ROWS, features].
static belay_value *build(const char *text, int64_t features)
{
    const int64_t dim[2] = { ROWS, features };
    clear();
    ck_log_ok(&log_, belay_yaml_parse(&log_, "r.yaml", text, &doc));
    ck_log_ok(&log_, belay_graph_new(&log_, true, &graph));
    belay_value *x = belay_input(graph, "x", BELAY_F32, 2, dim, true);
    return belay_model_build(graph, belay_yaml_get(doc.root, "model"), x, &params);
}

static belay_value *build_ok(const char *text, int64_t features)
{
    belay_value *y = build(text, features);
    ck_assert_msg(y != NULL, "%s", log_.last);
    ck_assert_int_eq(belay_graph_check(graph), BELAY_OK);
    return y;
}

static void fails(const char *text, int64_t features, const char *part)
{
    ck_assert_ptr_null(build(text, features));
    ck_assert_int_eq(belay_graph_check(graph), BELAY_ERR_RECIPE);
    ck_assert_msg(strstr(log_.last, part) != NULL, "'%s' does not say '%s'", log_.last, part);
}

static void shape_is(const belay_value *v, const char *want)
{
    char text[BELAY_SHAPE_TEXT];
    ck_assert_str_eq(belay_shape_text(belay_value_shape(v), text), want);
}

static const struct belay_model_param *param(const char *name)
{
    for (size_t i = 0; i < params.count; i++)
        if (strcmp(params.params[i].name, name) == 0)
            return &params.params[i];
    ck_abort_msg("no parameter '%s'", name);
    return NULL;
}

static const char mlp[] = "model:\n"
                          "  input: [1, 28, 28]\n"
                          "  layers:\n"
                          "    - flatten\n"
                          "    - linear: 256\n"
                          "    - relu\n"
                          "    - dropout: 0.2\n"
                          "    - {linear: 10, name: head}\n";

START_TEST(parameters_are_named_and_shaped_as_in_pytorch)
{
    static const char *const want[] = { "1.weight", "1.bias", "head.weight", "head.bias" };
    char text[BELAY_SHAPE_TEXT];
    shape_is(build_ok(mlp, 784), "[6, 10]");
    ck_assert_uint_eq(params.count, 4);
    for (int i = 0; i < 4; i++)
        ck_assert_str_eq(params.params[i].name, want[i]);
    ck_assert_str_eq(belay_shape_text(&params.params[0].shape, text), "[256, 784]");
    ck_assert_str_eq(belay_shape_text(&params.params[3].shape, text), "[10]");
    clear();
}
END_TEST

START_TEST(branches_join_by_as_and_from)
{
    belay_value *y = build_ok("model:\n"
                              "  layers:\n"
                              "    - {linear: 8, as: a}\n"
                              "    - {relu: , as: h1}\n"
                              "    - {linear: 5, from: a, as: b}\n"
                              "    - {add: , from: [h1, x], as: s}\n"
                              "    - {mul: , from: [s, s]}\n"
                              "    - {concat: 1, from: [s, b, x]}\n"
                              "    - {reshape: [3, -1]}\n"
                              "    - {softmax: -1}\n", 8);
    shape_is(y, "[6, 3, 7]");
    ck_assert_uint_eq(params.count, 4);
    ck_assert_str_eq(params.params[2].name, "2.weight");
    clear();
}
END_TEST

START_TEST(options_stand_beside_or_below_the_layer)
{
    build_ok("model: {layers: [{linear: 3, bias: false}, {linear: {units: 4, bias: false}}]}", 2);
    ck_assert_uint_eq(params.count, 2);
    build_ok("model: {layers: [{leaky_relu: 0.2}, {gelu: , approximate: tanh}, "
             "{softplus: , beta: 2, threshold: 10}, {log_softmax: 1}, sigmoid, silu, tanh, gelu, "
             "leaky_relu, softplus, softmax]}", 2);
    ck_assert_uint_eq(params.count, 0);
    clear();
}
END_TEST

START_TEST(every_layer_describes_itself)
{
    for (const struct belay_layer *const *l = belay_layers; *l; l++) {
        bool found = !(*l)->main_option;
        ck_assert_ptr_eq(belay_layer_find((*l)->name), *l);
        ck_assert(l[1] == NULL || strcmp((*l)->name, l[1]->name) < 0);
        ck_assert((*l)->help && (*l)->build && (*l)->min_x >= 1 && (*l)->max_x >= (*l)->min_x);
        for (int i = 0; i < 8 && (*l)->options[i].name; i++)
            found = found || strcmp((*l)->options[i].name, (*l)->main_option) == 0;
        ck_assert_msg(found, "%s: main option is not in the list", (*l)->name);
    }
}
END_TEST

START_TEST(evaluation_graphs_need_no_list)
{
    const int64_t dim[2] = { ROWS, 784 };
    clear();
    ck_log_ok(&log_, belay_yaml_parse(&log_, "r.yaml", mlp, &doc));
    ck_log_ok(&log_, belay_graph_new(&log_, false, &graph));
    belay_value *x = belay_input(graph, "x", BELAY_F32, 2, dim, true);
    ck_assert_ptr_nonnull(
        belay_model_build(graph, belay_yaml_get(doc.root, "model"), x, NULL));
    ck_log_ok(&log_, belay_model_params_of(graph, &params));
    ck_assert_uint_eq(params.count, 4);
    ck_assert_double_eq_tol(param("1.weight")->init.scale, 1.0 / 28, 1e-12);
    ck_assert_double_eq_tol(param("1.bias")->init.scale, 1.0 / 28, 1e-12);
    ck_assert_double_eq_tol(param("head.bias")->init.scale, 1.0 / 16, 1e-12);
    clear();
}
END_TEST

START_TEST(shapes_follow_the_rows_of_a_batch)
{
    belay_value *y = build_ok("model: {input: [2, 6], layers: [{reshape: [3, 4]}, flatten, "
                              "{linear: 2}]}", 12);
    struct belay_shape *shapes = belay_alloc_array(graph->num_values, sizeof(*shapes));
    char text[BELAY_SHAPE_TEXT];
    ck_log_ok(&log_, belay_graph_shapes(graph, 4, shapes));
    ck_assert_str_eq(belay_shape_text(&shapes[y->id], text), "[4, 2]");
    belay_free(shapes);
    clear();
}
END_TEST

// ---- Errors ----

START_TEST(unknown_names_give_file_line_and_a_suggestion)
{
    fails("model:\n  layers:\n    - flatten\n    - liner: 3\n", 4,
          "r.yaml:4: unknown layer 'liner', did you mean 'linear'?");
    fails("model:\n  layers:\n    - reul\n", 4, "r.yaml:3: unknown layer 'reul', did you mean");
    fails("model:\n  layers:\n    - linear: 3\n      bais: false\n", 4,
          "r.yaml:4: layer '0' (linear): unknown option 'bais', did you mean 'bias'?");
    fails("model:\n  layer: [relu]\n", 4,
          "r.yaml:2: unknown key in model: 'layer', did you mean 'layers'?");
    fails("model:\n  layers:\n    - {linear: 3, init: kaiming_unifrom}\n", 4,
          "did you mean 'kaiming_uniform'?");
    fails("model:\n  layers:\n    - {linear: 3, as: h1}\n    - {relu: , from: h2}\n", 4,
          "r.yaml:4: no earlier layer has `as:` 'h2', did you mean 'h1'?");
    clear();
}
END_TEST

START_TEST(wrong_values_name_layer_and_line)
{
    fails("model:\n  layers:\n    - linear: many\n", 4,
          "r.yaml:3: layer '0' (linear): units must be a whole number, not 'many'");
    fails("model:\n  layers:\n    - relu\n    - linear\n", 4,
          "r.yaml:4: layer '1' (linear): wants its number of units");
    fails("model:\n  layers:\n    - {dropout: 1.5, name: d}\n", 4,
          "r.yaml:3: layer 'd' (dropout): p must be in [0, 1)");
    fails("model:\n  layers:\n    - relu: 3\n", 4, "layer '0' (relu): takes no value");
    fails("model:\n  layers:\n    - {linear: 3, units: 4}\n", 4, "units is given twice");
    fails("model:\n  layers:\n    - {linear: 3, bias: maybe}\n", 4,
          "bias must be true or false, not 'maybe'");
    fails("model:\n  layers:\n    - softmax: 0\n", 4, "axis 0 is the batch");
    fails("model:\n  layers:\n    - softmax: 5\n", 4, "there is no axis 5 in [6, 4]");
    fails("model:\n  layers:\n    - add\n", 4, "takes at least 2 inputs, got 1");
    fails("model:\n  layers:\n    - {relu: , from: [x, x]}\n", 4, "takes one input");
    fails("model:\n  layers:\n    - [relu]\n", 4, "r.yaml:3: this entry names no layer");
    fails("model:\n  layers: []\n", 4, "model.layers must list layers");
    fails("model: {layers: [{linear: 3, name: a}, {linear: 3, name: a}]}", 4,
          "two layers are named 'a'");
    fails("model: {layers: [{relu: , as: x}]}", 4, "two values are called 'x'");
    clear();
}
END_TEST

START_TEST(shapes_that_do_not_fit_name_layer_line_and_both_shapes)
{
    fails(mlp, 780, "r.yaml:2: model.input [1, 28, 28] makes 784 numbers a row, the data has 780");
    fails("model:\n  layers:\n    - {linear: 6, as: a}\n    - reshape: [4, 2]\n", 4,
          "r.yaml:4: layer '1' (reshape): rows of [4, 2] do not fit the input [6, 6]");
    fails("model:\n  layers:\n    - {linear: 3, as: a}\n    - {add: , from: [a, x], name: join}\n",
          4, "r.yaml:4: layer 'join' (add, input [6, 3])");
    ck_assert_msg(strstr(log_.last, "[6, 4]") != NULL, "%s", log_.last);
    fails("model:\n  layers:\n    - {linear: 3, as: a}\n    - {reshape: [3, 1], as: b}\n"
          "    - {concat: 1, from: [a, b]}\n", 4, "r.yaml:5: layer '2' (concat, input [6, 3])");
    clear();
}
END_TEST

START_TEST(a_build_short_of_memory_fails_cleanly)
{
    const int64_t dim[2] = { ROWS, 784 };
    belay_value *y = NULL;
    ck_log_ok(&log_, belay_yaml_parse(&log_, "r.yaml", mlp, &doc));
    for (int n = 0; !y; n++) {
        ck_assert_int_lt(n, 2000);
        ck_log_ok(&log_, belay_graph_new(&log_, true, &graph));
        belay_value *x = belay_input(graph, "x", BELAY_F32, 2, dim, true);
        belay_alloc_fail_at(n, false);
        y = belay_model_build(graph, belay_yaml_get(doc.root, "model"), x, &params);
        belay_alloc_fail_at(-1, false);
        ck_assert_int_eq(belay_graph_check(graph), y ? BELAY_OK : BELAY_ERR_NOMEM);
        belay_graph_destroy(&graph);
        belay_model_params_finish(&params);
    }
}
END_TEST

START_TEST(named_architectures_are_refused)
{
    ck_assert_ptr_null(build("model: {arch: resnet18}", 4));
    ck_assert_int_eq(belay_graph_check(graph), BELAY_ERR_UNSUPPORTED);
    clear();
}
END_TEST

// ---- Initialisers ----

static void moments(const float *x, size_t count, double *mean, double *std, double *most)
{
    double sum = 0, squares = 0;
    *most = 0;
    for (size_t i = 0; i < count; i++) {
        sum += x[i];
        squares += (double) x[i] * x[i];
        *most = fmax(*most, fabs(x[i]));
    }
    *mean = sum / (double) count;
    *std = sqrt(squares / (double) count - *mean * *mean);
}

// 300 inputs, 200 units.
static void check_init(const char *init, double want_std, double want_bound)
{
    char text[200];
    double mean, std, most;
    snprintf(text, sizeof(text), "model: {layers: [{linear: 200, init: %s}]}", init);
    build_ok(text, 300);
    float *w = belay_alloc_array(60000, sizeof(*w));
    float b[200];
    belay_init_fill(param("0.weight"), 1, w);
    belay_init_fill(param("0.bias"), 1, b);
    moments(w, 60000, &mean, &std, &most);
    ck_assert_msg(fabs(mean) <= want_std * 0.02, "%s: mean %g", init, mean);
    ck_assert_msg(fabs(std - want_std) <= want_std * 0.02, "%s: std %g", init, std);
    if (want_bound > 0)
        ck_assert_msg(most <= want_bound && most > 0.99 * want_bound, "%s: most %g", init, most);
    else if (want_std > 0)
        ck_assert_msg(most > 3 * want_std, "%s: most %g", init, most);
    moments(b, 200, &mean, &std, &most);
    ck_assert(strcmp(init, "default") == 0 ? most > 0 && most <= want_bound : most == 0);
    belay_free(w);
    clear();
}

START_TEST(initialisers_keep_bounds_and_moments)
{
    double bound = 1 / sqrt(300), k = sqrt(6.0 / 300), x = sqrt(6.0 / 500);
    check_init("default", bound / sqrt(3), bound);
    check_init("kaiming_uniform", k / sqrt(3), k);
    check_init("kaiming_normal", sqrt(2.0 / 300), 0);
    check_init("xavier_uniform", x / sqrt(3), x);
    check_init("xavier_normal", sqrt(2.0 / 500), 0);
    check_init("normal, std: 0.3", 0.3, 0);
    check_init("normal", 0.01, 0);
    check_init("zeros", 0, 0);
}
END_TEST

START_TEST(a_parameter_depends_on_seed_and_name_alone)
{
    struct belay_model_param p = { .name = "1.weight", .shape = { 1, { 40 } },
                                   .init = { BELAY_INIT_NORMAL, 1 } };
    float a[40], b[40], c[40];
    belay_init_fill(&p, 3, a);
    belay_init_fill(&p, 3, b);
    ck_assert_mem_eq(a, b, sizeof(a));
    belay_init_fill(&p, 4, b);
    ck_assert_mem_ne(a, b, sizeof(a));
    p.name = "1.bias";
    belay_init_fill(&p, 3, c);
    ck_assert_mem_ne(a, c, sizeof(a));
}
END_TEST

static Suite *suite_model(void)
{
    const TTest *const tests[] = {
        parameters_are_named_and_shaped_as_in_pytorch, branches_join_by_as_and_from,
        options_stand_beside_or_below_the_layer, every_layer_describes_itself,
        evaluation_graphs_need_no_list, shapes_follow_the_rows_of_a_batch,
        unknown_names_give_file_line_and_a_suggestion, wrong_values_name_layer_and_line,
        shapes_that_do_not_fit_name_layer_line_and_both_shapes, named_architectures_are_refused,
        a_build_short_of_memory_fails_cleanly,
        initialisers_keep_bounds_and_moments, a_parameter_depends_on_seed_and_name_alone,
    };
    Suite *s = suite_create("model");
    TCase *c = tcase_create("model");
    tcase_add_checked_fixture(c, setup, clear);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    return harness_main(suite_model, NULL);
}
