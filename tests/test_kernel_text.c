// Kernel files: leaving out kernels that nobody wants, joining files by their names.
#include "harness.h"

#include <string.h>

#include "device/opencl/trim.h"

static const char file[] = "// a comment\n"
                           "#define BOTH(name, type) \\\n"
                           "    kernel void name##_cpu(global type *x) {} \\\n"
                           "    kernel void name(global type *x) {}\n"
                           "float helper(float x)\n"
                           "{\n"
                           "    return x;\n"
                           "}\n"
                           "\n"
                           "BOTH(first, float)\n"
                           "BOTH(second,\n"
                           "     int)\n"
                           "kernel void third(global float *x,\n"
                           "                  uint n)\n"
                           "{\n"
                           "    if (n) {\n"
                           "        x[0] = 1;\n"
                           "    }\n"
                           "}\n"
                           "kernel void fourth(void)\n"
                           "{\n"
                           "}\n";
static const char common[] = "#define TABLE(name) constant int name = 1;\n"
                             "#define MAKE(name) MAKE_KERNEL(name)\n";

static int count_lines(const char *text)
{
    int lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

START_TEST(kernels_that_nobody_wants_leave_empty_lines)
{
    struct belay_str out = { 0 };
    const char *const want[] = { "second_cpu", "fourth" };
    belay_cl_trim(file, common, want, 2, &out);
    ck_assert_ptr_null(strstr(out.text, "BOTH(first"));
    ck_assert_ptr_null(strstr(out.text, "third"));
    ck_assert_ptr_null(strstr(out.text, "x[0] = 1"));
    ck_assert_ptr_nonnull(strstr(out.text, "BOTH(second,\n     int)\n"));
    ck_assert_ptr_nonnull(strstr(out.text, "kernel void fourth(void)\n{\n}\n"));
    ck_assert_ptr_nonnull(strstr(out.text, "float helper"));
    ck_assert_int_eq(count_lines(out.text), count_lines(file));
    belay_str_free(&out);
}
END_TEST

START_TEST(all_wanted_changes_nothing)
{
    struct belay_str out = { 0 };
    const char *const want[] = { "first", "second", "third", "fourth" };
    belay_cl_trim(file, common, want, 4, &out);
    ck_assert_str_eq(out.text, file);
    belay_str_free(&out);
}
END_TEST

START_TEST(macros_that_make_no_kernels_stay)
{
    struct belay_str out = { 0 };
    const char *const want[] = { "x" };
    belay_cl_trim("TABLE(primes)\nMAKE(y)\nUNKNOWN(z)\n", common, want, 1, &out);
    ck_assert_str_eq(out.text, "TABLE(primes)\n\nUNKNOWN(z)\n");
    belay_str_free(&out);
}
END_TEST

static bool meet(const char *a, const char *b)
{
    struct belay_cl_names of_a = { 0 }, of_b = { 0 };
    belay_cl_names_of(a, &of_a);
    belay_cl_names_of(b, &of_b);
    bool met = false;
    for (size_t i = 0; i < of_b.num; i++)
        met |= belay_cl_names_have(&of_a, of_b.name[i]);
    belay_cl_names_free(&of_a);
    belay_cl_names_free(&of_b);
    return met;
}

START_TEST(files_meet_in_functions_macros_and_types)
{
    ck_assert(meet(file, "int helper(int x);\n"));
    ck_assert(meet(file, "#define third 3\n"));
    ck_assert(meet("typedef float V;\n", "constant int V = 2;\n"));
    ck_assert(meet("constant int t[2] = { 1, 2 };\n", "TABLE(t)\n"));
    ck_assert(meet(file, "__attribute__((noinline)) int helper(int x);\n"));
    // What stands inside functions or goes on from a line before is nobody's business.
    ck_assert(!meet(file, "int other(void)\n{\n    int third = 1;\n    helper(third);\n}\n"));
    ck_assert(!meet(file, "#define OTHER(x) \\\nthird(x)\n"));
}
END_TEST

START_TEST(macros_are_forgotten_after_a_file)
{
    struct belay_str out = { 0 };
    belay_cl_forget_macros(file, &out);
    ck_assert_str_eq(out.text, "#undef BOTH\n");
    belay_str_free(&out);
}
END_TEST

static Suite *suite_text(void)
{
    Suite *s = suite_create("kernel text");
    TCase *tc = tcase_create("kernel text");
    tcase_add_test(tc, kernels_that_nobody_wants_leave_empty_lines);
    tcase_add_test(tc, all_wanted_changes_nothing);
    tcase_add_test(tc, macros_that_make_no_kernels_stay);
    tcase_add_test(tc, files_meet_in_functions_macros_and_types);
    tcase_add_test(tc, macros_are_forgotten_after_a_file);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return harness_main(suite_text, NULL);
}
