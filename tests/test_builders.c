// Builders of products, movement and losses: shapes with fewer rows, and what they refuse.
#include <string.h>

#include "graph/graph.h"
#include "harness.h"

static struct belay_log log_here;
static belay_graph *graph;

static void setup(void)
{
    memset(&log_here, 0, sizeof(log_here));
    ck_log_ok(&log_here, belay_graph_new(&log_here, true, &graph));
}

static void teardown(void)
{
    belay_graph_destroy(&graph);
}

// The shape of v at so many rows, as text.
static void shape_is(const belay_value *v, int64_t rows, const char *want)
{
    char text[BELAY_SHAPE_TEXT];
    struct belay_shape *shapes = belay_alloc_array(graph->num_values, sizeof(*shapes));
    ck_assert_ptr_nonnull(shapes);
    ck_log_ok(&log_here, belay_graph_check(graph));
    ck_log_ok(&log_here, belay_graph_shapes(graph, rows, shapes));
    ck_assert_str_eq(belay_shape_text(&shapes[v->id], text), want);
    belay_free(shapes);
}

static belay_value *batch(int rank, int64_t d0, int64_t d1, int64_t d2)
{
    const int64_t dim[] = { d0, d1, d2 };
    return belay_input(graph, "x", BELAY_F32, rank, dim, true);
}

static void refused(const belay_value *v, const char *part)
{
    ck_assert_ptr_null(v);
    ck_assert_int_ne(belay_graph_check(graph), BELAY_OK);
    ck_assert_msg(strstr(log_here.last, part), "'%s' does not say '%s'", log_here.last, part);
}

START_TEST(reshape_keeps_the_rows_of_a_smaller_batch)
{
    belay_value *x = batch(3, 8, 6, 4);
    belay_value *y = belay_reshape(graph, x, 3, (const int64_t[]){ 8, 4, 6 });
    belay_value *merged = belay_reshape(graph, y, 2, (const int64_t[]){ -1, 6 });
    belay_value *split = belay_reshape(graph, merged, 4, (const int64_t[]){ 1, 8, -1, 3 });
    shape_is(y, 3, "[3, 4, 6]");
    shape_is(merged, 3, "[12, 6]");
    shape_is(split, 3, "[1, 3, 8, 3]");
}
END_TEST

START_TEST(linear_keeps_its_leading_dimensions)
{
    const int64_t w[] = { 5, 4 }, b[] = { 5 };
    belay_value *weight = belay_param(graph, "weight", 2, w);
    belay_value *bias = belay_param(graph, "bias", 1, b);
    shape_is(belay_linear(graph, batch(3, 8, 6, 4), weight, bias), 3, "[3, 6, 5]");
}
END_TEST

START_TEST(a_slice_counts_from_the_end_of_the_rows_that_there_are)
{
    belay_value *x = batch(2, 8, 4, 0);
    belay_value *tail = belay_slice(graph, x, 0, -2, INT64_MAX, 1);
    belay_value *all_but_one = belay_slice(graph, x, 0, 0, -1, 1);
    shape_is(tail, 3, "[2, 4]");
    shape_is(all_but_one, 3, "[2, 4]");
}
END_TEST

START_TEST(concat_takes_any_number_of_inputs)
{
    belay_value *x = batch(2, 8, 4, 0), *many[40];
    for (int i = 0; i < 40; i++)
        many[i] = x;
    shape_is(belay_concat(graph, 40, many, 1), 3, "[3, 160]");
    shape_is(belay_concat(graph, 40, many, 0), 3, "[120, 4]");
}
END_TEST

START_TEST(the_loss_of_a_batch_is_a_scalar)
{
    belay_value *x = batch(2, 8, 4, 0);
    belay_value *label = belay_input(graph, "label", BELAY_I32, 1, (const int64_t[]){ 8 }, true);
    shape_is(belay_cross_entropy(graph, x, label), 3, "[]");
    shape_is(belay_confusion(graph, x, label), 3, "[16]");
    shape_is(belay_argmax(graph, x), 3, "[3]");
}
END_TEST

START_TEST(dropout_is_nothing_in_evaluation_or_at_zero)
{
    belay_value *x = batch(2, 8, 4, 0);
    ck_assert_ptr_eq(belay_dropout(graph, x, 0, "a"), x);
    ck_assert_ptr_ne(belay_dropout(graph, x, 0.5, "a"), x);
    graph->training = false;
    ck_assert_ptr_eq(belay_dropout(graph, x, 0.5, "a"), x);
}
END_TEST

START_TEST(two_dropouts_never_become_one)
{
    belay_value *x = batch(2, 8, 4, 0);
    belay_value *a = belay_dropout(graph, x, 0.5, "a"), *b = belay_dropout(graph, x, 0.5, "a");
    belay_graph_output(graph, belay_add(graph, a, b), "y");
    ck_log_ok(&log_here, belay_graph_optimize(graph));
    int masks = 0;
    for (size_t i = 0; i < graph->num_nodes; i++)
        masks += !graph->nodes[i]->dead && graph->nodes[i]->op == belay_op_find("dropout_mask");
    ck_assert_int_eq(masks, 2);
}
END_TEST

START_TEST(products_that_do_not_fit_say_both_shapes)
{
    belay_value *x = batch(2, 8, 4, 0);
    belay_value *y = belay_param(graph, "y", 2, (const int64_t[]){ 5, 3 });
    refused(belay_matmul(graph, x, y, false, false), "[8, 4] does not fit [5, 3]");
}
END_TEST

START_TEST(a_reshape_that_does_not_fit_says_both_shapes)
{
    refused(belay_reshape(graph, batch(2, 8, 4, 0), 2, (const int64_t[]){ 5, -1 }),
            "[8, 4] does not fit [5, -1]");
}
END_TEST

START_TEST(a_linear_layer_of_the_wrong_width_says_both_shapes)
{
    belay_value *weight = belay_param(graph, "weight", 2, (const int64_t[]){ 5, 3 });
    refused(belay_linear(graph, batch(2, 8, 4, 0), weight, NULL), "[8, 4] does not fit weight");
}
END_TEST

START_TEST(element_wise_operators_go_by_their_names)
{
    belay_value *x = batch(2, 8, 4, 0);
    ck_assert_ptr_nonnull(belay_unary(graph, "mish", x));
    ck_assert_ptr_nonnull(belay_binary(graph, "maximum", x, belay_scalar(graph, 1)));
    refused(belay_unary(graph, "relo", x), "did you mean 'relu'?");
}
END_TEST

START_TEST(operators_with_settings_or_of_gradients_have_no_short_form)
{
    refused(belay_unary(graph, "leaky_relu", batch(2, 8, 4, 0)), "'leaky_relu' with 1 operand");
}
END_TEST

START_TEST(an_empty_slice_is_refused)
{
    refused(belay_slice(graph, batch(2, 8, 4, 0), 1, 3, 3, 1), "nothing is left of axis 1");
}
END_TEST

START_TEST(an_axis_named_twice_is_refused)
{
    refused(belay_permute(graph, batch(2, 8, 4, 0), 2, (const int[]){ 1, -1 }), "repeated");
}
END_TEST

START_TEST(targets_of_another_shape_are_refused)
{
    belay_value *label = belay_input(graph, "label", BELAY_I32, 1, (const int64_t[]){ 7 }, true);
    refused(belay_cross_entropy(graph, batch(2, 8, 4, 0), label), "target [7]");
}
END_TEST

START_TEST(a_probability_beyond_one_is_refused)
{
    refused(belay_dropout(graph, batch(2, 8, 4, 0), 1.5, "a"), "probability 1.5");
}
END_TEST

static Suite *suite_builders(void)
{
    Suite *s = suite_create("builders");
    TCase *tc = tcase_create("builders");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, reshape_keeps_the_rows_of_a_smaller_batch);
    tcase_add_test(tc, linear_keeps_its_leading_dimensions);
    tcase_add_test(tc, a_slice_counts_from_the_end_of_the_rows_that_there_are);
    tcase_add_test(tc, concat_takes_any_number_of_inputs);
    tcase_add_test(tc, the_loss_of_a_batch_is_a_scalar);
    tcase_add_test(tc, dropout_is_nothing_in_evaluation_or_at_zero);
    tcase_add_test(tc, two_dropouts_never_become_one);
    tcase_add_test(tc, products_that_do_not_fit_say_both_shapes);
    tcase_add_test(tc, a_reshape_that_does_not_fit_says_both_shapes);
    tcase_add_test(tc, a_linear_layer_of_the_wrong_width_says_both_shapes);
    tcase_add_test(tc, element_wise_operators_go_by_their_names);
    tcase_add_test(tc, operators_with_settings_or_of_gradients_have_no_short_form);
    tcase_add_test(tc, an_empty_slice_is_refused);
    tcase_add_test(tc, an_axis_named_twice_is_refused);
    tcase_add_test(tc, targets_of_another_shape_are_refused);
    tcase_add_test(tc, a_probability_beyond_one_is_refused);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return harness_main(suite_builders, NULL);
}
