// Data sets: sources, missing cells, splits, preprocessing, fingerprints.
#include "harness.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "data/data.h"

static struct belay_log log_;
static char *dir;

static void setup(void)
{
    char name[64];
    static int number;
    memset(&log_, 0, sizeof(log_));
    snprintf(name, sizeof(name), "test_data.%ld.%d", (long) clock(), number++);
    const char *tmp = getenv("TMPDIR");
    dir = belay_path_join(tmp ? tmp : "/tmp", name);
    ck_log_ok(&log_, belay_dir_create(&log_, dir));
}

static void teardown(void)
{
    char **names;
    size_t count;
    ck_log_ok(&log_, belay_dir_list(&log_, dir, &names, &count));
    for (size_t i = 0; i < count; i++) {
        char *path = belay_path_join(dir, names[i]);
        remove(path);
        belay_free(path);
    }
    belay_names_free(names, count);
    remove(dir);
    belay_free(dir);
}

static void write_bytes(const char *name, const void *bytes, size_t size)
{
    char *path = belay_path_join(dir, name);
    ck_log_ok(&log_, belay_file_write(&log_, path, bytes, size));
    belay_free(path);
}

static void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

// An IDX file of bytes: rank dimensions, then data counting up.
static void write_idx(const char *name, int rank, const unsigned char *dim,
                      const unsigned char *data, size_t size)
{
    unsigned char bytes[4096] = { 0, 0, 8, (unsigned char) rank };
    for (int i = 0; i < rank; i++)
        bytes[4 + 4 * i + 3] = dim[i];
    memcpy(bytes + 4 + 4 * rank, data, size);
    write_bytes(name, bytes, 4 + 4 * (size_t) rank + size);
}

static struct belay_dataset_params files(const char *format, const char *const *train, size_t num)
{
    return (struct belay_dataset_params){ .format = format, .root = dir, .train = train,
                                          .num_train = num, .standardize = true };
}

static bool says(const char *part)
{
    return strstr(log_.last, part) != NULL;
}

#define ck_says(part) ck_assert_msg(says(part), "'%s' does not say '%s'", log_.last, part)

// Loads one CSV text as training data.
static belay_status load_csv(const char *text, struct belay_dataset_params *more,
                             struct belay_datasets *out)
{
    static const char *const train[] = { "t.csv" };
    struct belay_dataset_params p = more ? *more : (struct belay_dataset_params){ 0 };
    p.root = dir;
    p.train = train;
    p.num_train = 1;
    write_text("t.csv", text);
    memset(out, 0, sizeof(*out));
    return belay_datasets_load(&log_, &p, out);
}

static belay_status apply_csv(const struct belay_preprocess *p, const char *text, bool need,
                              struct belay_dataset *out)
{
    char *path = belay_path_join(dir, "apply.csv");
    const char *const list[] = { path };
    write_text("apply.csv", text);
    memset(out, 0, sizeof(*out));
    belay_status status = belay_dataset_apply(&log_, p, list, 1, need, out);
    belay_free(path);
    return status;
}

static float at(const struct belay_dataset *d, size_t row, size_t column)
{
    return ((const float *) d->x)[row * d->features + column];
}

// ---- IDX ----

static const unsigned char pixels[24] = { 0, 51, 102, 153, 204, 255, 6, 7, 8, 9, 10, 11,
                                          12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23 };

START_TEST(idx_images_stay_bytes_with_scale_and_shift)
{
    struct belay_datasets d = { 0 };
    const char *const list[] = { "x.idx", "y.idx" };
    struct belay_dataset_params p = files("idx", list, 2);
    write_idx("x.idx", 3, (const unsigned char[]){ 4, 2, 3 }, pixels, 24);
    write_idx("y.idx", 1, (const unsigned char[]){ 4 }, (const unsigned char[]){ 0, 2, 1, 2 }, 4);
    p.has_normalize = true;
    p.mean = 0.5;
    p.std = 0.25;
    p.classes = 2; // of made data; a file has its own
    ck_log_ok(&log_, belay_datasets_load(&log_, &p, &d));
    ck_assert_uint_eq(d.train.rows, 4);
    ck_assert_uint_eq(d.train.features, 6);
    ck_assert_int_eq(d.train.dtype, BELAY_U8);
    ck_assert_uint_eq(d.train.classes, 3);
    ck_assert_int_eq(d.train.labels[1], 2);
    ck_assert_mem_eq(d.train.x, pixels, 24);
    ck_assert_float_eq_tol(d.train.x_scale, 1 / (255 * 0.25), 1e-9);
    ck_assert_float_eq_tol(d.train.x_shift, -2, 1e-9);
    ck_assert_uint_eq(d.validation.rows, 0);
    ck_assert_str_eq(d.preprocess.classes[2], "2");
    belay_datasets_finish(&d);
}
END_TEST

START_TEST(a_split_of_bytes_moves_whole_rows)
{
    struct belay_datasets d = { 0 };
    const char *const list[] = { "x.idx", "y.idx" };
    struct belay_dataset_params p = files(NULL, list, 2);
    write_idx("x.idx", 2, (const unsigned char[]){ 8, 3 }, pixels, 24);
    write_idx("y.idx", 1, (const unsigned char[]){ 8 },
              (const unsigned char[]){ 0, 1, 0, 1, 0, 1, 0, 1 }, 8);
    p.validation = 0.25;
    p.stratify = true;
    ck_log_ok(&log_, belay_datasets_load(&log_, &p, &d));
    ck_assert_uint_eq(d.train.rows, 6);
    ck_assert_uint_eq(d.validation.rows, 2);
    int seen[8] = { 0 };
    const struct belay_dataset *parts[] = { &d.train, &d.validation };
    for (int k = 0; k < 2; k++) {
        for (size_t r = 0, last = 0; r < parts[k]->rows; r++) {
            const unsigned char *row = (const unsigned char *) parts[k]->x + 3 * r;
            size_t from = 0;
            while (memcmp(row, pixels + 3 * from, 3) != 0)
                ck_assert_uint_lt(++from, 8);
            ck_assert_int_eq(parts[k]->labels[r], (int) from % 2);
            ck_assert(r == 0 || from > last);
            last = from;
            seen[from]++;
        }
    }
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(seen[i], 1);
    ck_assert_int_ne(d.validation.labels[0], d.validation.labels[1]);
    belay_datasets_finish(&d);
}
END_TEST

START_TEST(labels_that_do_not_fit_are_named)
{
    struct belay_datasets d = { 0 };
    const char *const list[] = { "x.idx", "y.idx" }, *const test[] = { "x.idx", "z.idx" };
    struct belay_dataset_params p = files("idx", list, 2);
    write_idx("x.idx", 2, (const unsigned char[]){ 4, 6 }, pixels, 24);
    write_idx("y.idx", 1, (const unsigned char[]){ 3 }, pixels, 3);
    ck_status_is(&log_, belay_datasets_load(&log_, &p, &d), BELAY_ERR_DATA);
    ck_says("y.idx");
    ck_says("[3]");
    ck_says("4 rows");

    write_idx("y.idx", 1, (const unsigned char[]){ 4 }, (const unsigned char[]){ 0, 1, 2, 0 }, 4);
    write_idx("z.idx", 1, (const unsigned char[]){ 4 }, (const unsigned char[]){ 0, 1, 9, 0 }, 4);
    p.test = test;
    p.num_test = 2;
    ck_status_is(&log_, belay_datasets_load(&log_, &p, &d), BELAY_ERR_DATA);
    ck_says("z.idx: row 2: label 9 is out of range: there are 3 classes");
    ck_assert_ptr_null(d.train.x);
}
END_TEST

START_TEST(more_classes_than_outputs_name_file_row_and_label)
{
    struct belay_datasets d = { 0 };
    const char *const list[] = { "x.idx", "y.idx" };
    struct belay_dataset_params p = files("idx", list, 2);
    write_idx("x.idx", 2, (const unsigned char[]){ 4, 6 }, pixels, 24);
    write_idx("y.idx", 1, (const unsigned char[]){ 4 }, (const unsigned char[]){ 0, 1, 7, 0 }, 4);
    ck_log_ok(&log_, belay_datasets_load(&log_, &p, &d));
    ck_log_ok(&log_, belay_datasets_check_classes(&log_, &d, 8));
    ck_status_is(&log_, belay_datasets_check_classes(&log_, &d, 7), BELAY_ERR_DATA);
    ck_says("y.idx: row 2: label 7 is out of range: the model has 7 classes");
    belay_datasets_finish(&d);
}
END_TEST

START_TEST(a_missing_file_and_an_unknown_format_are_clear)
{
    struct belay_datasets d = { 0 };
    const char *const list[] = { "none.idx", "y.idx" };
    struct belay_dataset_params p = files("idx", list, 2);
    ck_status_is(&log_, belay_datasets_load(&log_, &p, &d), BELAY_ERR_IO);
    ck_says("none.idx");
    p.format = "cvs";
    ck_status_is(&log_, belay_datasets_load(&log_, &p, &d), BELAY_ERR_RECIPE);
    ck_says("did you mean 'csv'");
    p.format = "idx";
    p.num_train = 1;
    ck_status_is(&log_, belay_datasets_load(&log_, &p, &d), BELAY_ERR_RECIPE);
    ck_says("train lists 1 files, want an images file and a labels file");
}
END_TEST

START_TEST(a_test_part_with_other_features_is_refused)
{
    struct belay_datasets d = { 0 };
    const char *const list[] = { "x.idx", "y.idx" }, *const test[] = { "w.idx", "y.idx" };
    struct belay_dataset_params p = files("idx", list, 2);
    write_idx("x.idx", 2, (const unsigned char[]){ 4, 6 }, pixels, 24);
    write_idx("w.idx", 2, (const unsigned char[]){ 4, 5 }, pixels, 20);
    write_idx("y.idx", 1, (const unsigned char[]){ 4 }, (const unsigned char[]){ 0, 1, 2, 0 }, 4);
    p.test = test;
    p.num_test = 2;
    ck_status_is(&log_, belay_datasets_load(&log_, &p, &d), BELAY_ERR_DATA);
    ck_says("w.idx: 5 numbers a row, want 6");
}
END_TEST

// ---- NPY ----

static void write_npy(const char *name, const char *descr, const char *shape, const void *data,
                      size_t size)
{
    unsigned char bytes[2048] = "\x93NUMPY\x01\x00";
    int n = snprintf((char *) bytes + 10, 118, "{'descr': '%s', 'fortran_order': False, "
                     "'shape': (%s), }", descr, shape);
    memset(bytes + 10 + n, ' ', (size_t) (118 - n));
    bytes[8] = 118;
    bytes[127] = '\n';
    memcpy(bytes + 128, data, size);
    write_bytes(name, bytes, 128 + size);
}

START_TEST(npy_floats_are_standardised_and_integers_are_labels)
{
    struct belay_datasets d = { 0 };
    const char *const list[] = { "x.npy", "y.npy" };
    const float x[8] = { 1, 5, 2, 5, 3, 5, 6, 5 };
    const int64_t y[4] = { 0, 1, 1, 0 };
    struct belay_dataset_params p = files(NULL, list, 2);
    write_npy("x.npy", "<f4", "4, 2", x, sizeof(x));
    write_npy("y.npy", "<i8", "4,", y, sizeof(y));
    ck_log_ok(&log_, belay_datasets_load(&log_, &p, &d));
    ck_assert_int_eq(d.train.dtype, BELAY_F32);
    ck_assert_uint_eq(d.train.classes, 2);
    ck_assert_float_eq_tol(at(&d.train, 0, 0), -2 / sqrt(3.5), 1e-6);
    ck_assert_float_eq(at(&d.train, 3, 1), 0); // std 0 counts as 1
    belay_datasets_finish(&d);

    const float bad[8] = { 1, 5, 2, 5, 3, NAN, 6, 5 };
    write_npy("x.npy", "<f4", "4, 2", bad, sizeof(bad));
    ck_status_is(&log_, belay_datasets_load(&log_, &p, &d), BELAY_ERR_DATA);
    ck_says("x.npy: row 2, column 1");
}
END_TEST

START_TEST(npy_takes_weights_of_rows_as_a_third_file)
{
    struct belay_datasets d = { 0 };
    const char *const list[] = { "x.npy", "y.npy", "w.npy" };
    const float x[4] = { 1, 2, 3, 4 };
    const int64_t y[4] = { 0, 1, 1, 0 };
    const double w[4] = { 0.5, 2, 0, 3 }, bad[4] = { 1, 1, -1, 1 };
    struct belay_dataset_params p = files(NULL, list, 3);
    write_npy("x.npy", "<f4", "4, 1", x, sizeof(x));
    write_npy("y.npy", "<i8", "4,", y, sizeof(y));
    write_npy("w.npy", "<f8", "4, 1", w, sizeof(w));
    ck_log_ok(&log_, belay_datasets_load(&log_, &p, &d));
    for (size_t i = 0; i < d.train.rows; i++)
        ck_assert_float_eq(d.train.weights[i], (float) w[i]);
    belay_datasets_finish(&d);
    write_npy("w.npy", "<f8", "4,", bad, sizeof(bad));
    ck_status_is(&log_, belay_datasets_load(&log_, &p, &d), BELAY_ERR_DATA);
    ck_says("w.npy: row 2: weight -1");
    write_npy("w.npy", "<f8", "3,", w, sizeof(w) - sizeof(*w));
    ck_status_is(&log_, belay_datasets_load(&log_, &p, &d), BELAY_ERR_DATA);
    ck_says("w.npy: weights [3], want one for each of 4 rows");
    p.weight = "w";
    ck_status_is(&log_, belay_datasets_load(&log_, &p, &d), BELAY_ERR_RECIPE);
    ck_says("give a third file");
}
END_TEST

START_TEST(npz_takes_weights_of_rows_from_a_member)
{
    static const float want[4] = { 0.5f, 2, 0, 3 };
    const char *const name = "tests/data/npy/weighted.npz";
    struct belay_dataset_params p = { .train = &name, .num_train = 1, .weight = "cost" };
    struct belay_datasets d = { 0 };
    struct belay_dataset known = { 0 };
    ck_log_ok(&log_, belay_datasets_load(&log_, &p, &d));
    ck_assert_mem_eq(d.train.weights, want, sizeof(want));
    ck_log_ok(&log_, belay_dataset_apply(&log_, &d.preprocess, &name, 1, true, &known));
    ck_assert_mem_eq(known.weights, want, sizeof(want));
    belay_dataset_finish(&known);
    belay_datasets_finish(&d);
    p.weight = "costs";
    ck_status_is(&log_, belay_datasets_load(&log_, &p, &d), BELAY_ERR_DATA);
}
END_TEST

START_TEST(float_targets_are_values_unless_the_task_says_classes)
{
    struct belay_datasets d = { 0 };
    const char *const list[] = { "x.npy", "y.npy" };
    const float x[4] = { 1, 2, 3, 4 }, y[4] = { 0, 1, 1, 0 };
    struct belay_dataset_params p = files("npy", list, 2);
    p.standardize = false;
    write_npy("x.npy", "<f4", "4, 1", x, sizeof(x));
    write_npy("y.npy", "<f4", "4, 1", y, sizeof(y));
    ck_log_ok(&log_, belay_datasets_load(&log_, &p, &d));
    ck_assert_uint_eq(d.train.classes, 0);
    ck_assert_ptr_null(d.train.labels);
    ck_assert_float_eq(d.train.y[2], 1);
    ck_assert_float_eq(at(&d.train, 3, 0), 4);
    belay_datasets_finish(&d);
    p.task = 1;
    ck_log_ok(&log_, belay_datasets_load(&log_, &p, &d));
    ck_assert_uint_eq(d.train.classes, 2);
    belay_datasets_finish(&d);
}
END_TEST

// ---- CSV ----

static const char iris[] = "length,width,species\n"
                           "1,10,setosa\n2,20,virginica\n3,30,setosa\n4,40,versicolor\n";

START_TEST(csv_text_targets_become_sorted_classes)
{
    struct belay_datasets d;
    struct belay_dataset_params p = { .standardize = true };
    ck_log_ok(&log_, load_csv(iris, &p, &d));
    ck_assert_uint_eq(d.train.rows, 4);
    ck_assert_uint_eq(d.train.features, 2);
    ck_assert_uint_eq(d.preprocess.num_classes, 3);
    ck_assert_str_eq(d.preprocess.classes[0], "setosa");
    ck_assert_str_eq(d.preprocess.classes[1], "versicolor");
    ck_assert_int_eq(d.train.labels[1], 2);
    ck_assert_str_eq(d.preprocess.target, "species");
    ck_assert_float_eq_tol(at(&d.train, 0, 0), -1.5 / sqrt(1.25), 1e-6);
    belay_datasets_finish(&d);
}
END_TEST

START_TEST(csv_targets_go_by_name_or_index)
{
    struct belay_datasets d;
    struct belay_dataset_params p = { .target = "length", .task = 2 };
    ck_log_ok(&log_, load_csv(iris, &p, &d));
    ck_assert_float_eq(d.train.y[3], 4);
    ck_assert_uint_eq(d.train.features, 4); // width and three species
    ck_assert_float_eq(at(&d.train, 0, 0), 10);
    belay_datasets_finish(&d);

    p.target = "-2";
    ck_log_ok(&log_, load_csv(iris, &p, &d));
    ck_assert_float_eq(d.train.y[3], 40);
    belay_datasets_finish(&d);

    p.target = "widht";
    ck_status_is(&log_, load_csv(iris, &p, &d), BELAY_ERR_DATA);
    ck_says("did you mean 'width'");
    p.target = "7";
    ck_status_is(&log_, load_csv(iris, &p, &d), BELAY_ERR_DATA);
}
END_TEST

START_TEST(csv_few_small_integers_are_classes_and_many_numbers_are_values)
{
    struct belay_datasets d;
    ck_log_ok(&log_, load_csv("a,y\n1,10\n2,2\n3,10\n4,2.0\n", NULL, &d));
    ck_assert_uint_eq(d.preprocess.num_classes, 2);
    ck_assert_str_eq(d.preprocess.classes[0], "2"); // in the order of numbers
    ck_assert_str_eq(d.preprocess.classes[1], "10");
    ck_assert_int_eq(d.train.labels[3], 0);
    belay_datasets_finish(&d);

    ck_log_ok(&log_, load_csv("a,y\n1,1.5\n2,2\n3,1\n4,2\n", NULL, &d));
    ck_assert_ptr_null(d.preprocess.classes);
    ck_assert_float_eq(d.train.y[0], 1.5f);
    belay_datasets_finish(&d);

    struct belay_str s = { 0 };
    belay_str_add(&s, "a,y\n");
    for (int i = 0; i < 21; i++)
        belay_str_addf(&s, "1,%d\n", i);
    ck_log_ok(&log_, load_csv(s.text, NULL, &d));
    ck_assert_ptr_null(d.preprocess.classes);
    belay_datasets_finish(&d);
    belay_str_free(&s);
}
END_TEST

START_TEST(csv_means_and_values_come_from_the_training_part_alone)
{
    struct belay_datasets d;
    struct belay_str s = { 0 };
    struct belay_dataset_params p = { .standardize = true, .validation = 0.3, .task = 2 };
    belay_str_add(&s, "a,color,y\n");
    for (int i = 0; i < 10; i++)
        belay_str_addf(&s, "%d,c%d,%d.5\n", i * i, i, i);
    ck_log_ok(&log_, load_csv(s.text, &p, &d));
    ck_assert_uint_eq(d.train.rows, 7);
    ck_assert_uint_eq(d.preprocess.columns[1].num_values, 7);
    double sum = 0, held = 0, mean = 0;
    for (size_t r = 0; r < 7; r++) {
        double i = floor(d.train.y[r]);
        mean += i * i / 7;
        sum += at(&d.train, r, 0);
    }
    ck_assert_double_eq_tol(sum, 0, 1e-5);
    ck_assert_double_eq_tol(d.preprocess.columns[0].mean, mean, 1e-12);
    // Colours of the validation part were not seen in training.
    for (size_t r = 0; r < 3; r++)
        for (size_t c = 1; c < d.validation.features; c++)
            held += at(&d.validation, r, c);
    ck_assert_double_eq(held, 0);
    belay_datasets_finish(&d);
    belay_str_free(&s);
}
END_TEST

static const char holes[] = "a,b,y\n1,x,0.5\n?,z,1.5\n3,,2.5\n5,x,3.5\n";

START_TEST(csv_missing_error_names_file_line_and_column)
{
    struct belay_datasets d;
    struct belay_dataset_params p = { .missing = "error" };
    ck_status_is(&log_, load_csv(holes, &p, &d), BELAY_ERR_DATA);
    ck_says("t.csv:3: column 'a': '?' is missing");
    ck_status_is(&log_, load_csv("a,y\n1,2\nNaN,3\n", NULL, &d), BELAY_ERR_DATA);
    ck_says("t.csv:3: column 'a': 'NaN' is missing");
    ck_status_is(&log_, load_csv("a,y\n1,2\n inf ,3\n", NULL, &d), BELAY_ERR_DATA);
    ck_says("t.csv:3: column 'a': 'inf' is not finite");
}
END_TEST

START_TEST(csv_missing_mean_fills_and_missing_drop_leaves_out)
{
    struct belay_datasets d;
    struct belay_dataset_params p = { .missing = "mean" };
    ck_log_ok(&log_, load_csv(holes, &p, &d));
    ck_assert_uint_eq(d.train.rows, 4);
    ck_assert_float_eq(at(&d.train, 1, 0), 3); // (1 + 3 + 5) / 3
    ck_assert_float_eq(at(&d.train, 2, 1), 0); // a missing category is none of them
    ck_assert_float_eq(at(&d.train, 2, 2), 0);
    belay_datasets_finish(&d);
    p.standardize = true;
    ck_log_ok(&log_, load_csv(holes, &p, &d));
    ck_assert_float_eq(at(&d.train, 1, 0), 0);
    belay_datasets_finish(&d);
    p.missing = "drop";
    ck_log_ok(&log_, load_csv(holes, &p, &d));
    ck_assert_uint_eq(d.train.rows, 2);
    ck_assert_float_eq(d.train.y[1], 3.5f);
    ck_assert_str_eq(d.train.ids[1], "3");
    belay_datasets_finish(&d);
    p.missing = "median";
    ck_status_is(&log_, load_csv(holes, &p, &d), BELAY_ERR_RECIPE);
}
END_TEST

START_TEST(csv_a_missing_target_is_an_error_unless_dropped)
{
    struct belay_datasets d;
    struct belay_dataset_params p = { .missing = "mean" };
    ck_status_is(&log_, load_csv("a,y\n1,2\n2,NA\n3,7\n", &p, &d), BELAY_ERR_DATA);
    ck_says("t.csv:3: column 'y'");
    p.missing = "drop";
    ck_log_ok(&log_, load_csv("a,y\n1,2\n2,NA\n3,7\n", &p, &d));
    ck_assert_uint_eq(d.train.rows, 2);
    belay_datasets_finish(&d);
}
END_TEST

START_TEST(csv_ragged_rows_name_their_line)
{
    struct belay_datasets d;
    ck_status_is(&log_, load_csv("a,b,y\n1,2,0\n1,2\n", NULL, &d), BELAY_ERR_DATA);
    ck_says("t.csv");
    ck_says("3");
}
END_TEST

START_TEST(csv_identifiers_and_repeated_names_are_refused)
{
    struct belay_datasets d;
    struct belay_str s = { 0 };
    belay_str_add(&s, "id,y\n");
    for (int i = 0; i < 1001; i++)
        belay_str_addf(&s, "u%d,0.5\n", i);
    ck_status_is(&log_, load_csv(s.text, NULL, &d), BELAY_ERR_DATA);
    ck_says("column 'id' has 1001 different texts");
    belay_str_free(&s);
    ck_status_is(&log_, load_csv("a,a,y\n1,2,3\n", NULL, &d), BELAY_ERR_DATA);
    ck_says("columns 0 and 1 are both 'a'");
}
END_TEST

START_TEST(csv_apply_matches_by_name_and_zeroes_unseen_values)
{
    struct belay_datasets d;
    struct belay_dataset e;
    struct belay_dataset_params p = { .standardize = false, .task = 1 };
    ck_log_ok(&log_, load_csv("a,b,y\n1,x,no\n2,z,yes\n3,x,no\n", &p, &d));
    ck_log_ok(&log_, apply_csv(&d.preprocess, "id,b,a\n7,z,5\n8,new,6\n", false, &e));
    ck_assert_uint_eq(e.rows, 2);
    ck_assert_uint_eq(e.features, 3);
    ck_assert_float_eq(at(&e, 0, 0), 5);
    ck_assert_float_eq(at(&e, 0, 2), 1);
    ck_assert_float_eq(at(&e, 1, 1) + at(&e, 1, 2), 0);
    ck_assert_ptr_null(e.labels);
    belay_dataset_finish(&e);

    ck_status_is(&log_, apply_csv(&d.preprocess, "b,a\nz,5\n", true, &e), BELAY_ERR_DATA);
    ck_says("no target column 'y'");
    ck_status_is(&log_, apply_csv(&d.preprocess, "b,y\nz,no\n", true, &e), BELAY_ERR_DATA);
    ck_says("no column 'a'");
    ck_status_is(&log_, apply_csv(&d.preprocess, "y,b,a\nmaybe,z,5\n", true, &e), BELAY_ERR_DATA);
    ck_says("apply.csv:2: column 'y': 'maybe' is none of the 2 classes (no, yes)");
    ck_status_is(&log_, apply_csv(&d.preprocess, "y,b,a\nno,z,red\n", true, &e), BELAY_ERR_DATA);
    ck_says("apply.csv:2: column 'a': 'red' is not a number");
    // Nobody needs the target for a prediction.
    ck_log_ok(&log_, apply_csv(&d.preprocess, "y,b,a\nmaybe,z,5\n", false, &e));
    ck_assert_ptr_null(e.labels);
    belay_dataset_finish(&e);
    belay_datasets_finish(&d);
}
END_TEST

START_TEST(csv_without_header_goes_by_position)
{
    struct belay_datasets d;
    struct belay_dataset e;
    struct belay_dataset_params p = { .target = "0", .header = 2 };
    ck_log_ok(&log_, load_csv("0,10,20\n1,30,40\n1,50,60\n", &p, &d));
    ck_assert_uint_eq(d.train.features, 2);
    ck_log_ok(&log_, apply_csv(&d.preprocess, "1,7,8\n", true, &e));
    ck_assert_int_eq(e.labels[0], 1);
    ck_assert_float_eq(at(&e, 0, 1), 8);
    belay_dataset_finish(&e);
    ck_log_ok(&log_, apply_csv(&d.preprocess, "7,8\n", false, &e));
    ck_assert_float_eq(at(&e, 0, 0), 7);
    belay_dataset_finish(&e);
    ck_status_is(&log_, apply_csv(&d.preprocess, "7\n", false, &e), BELAY_ERR_DATA);
    ck_says("1 columns, want 2, or 3 with the target");
    belay_datasets_finish(&d);
}
END_TEST

START_TEST(a_model_of_plain_numbers_reads_csv_too)
{
    struct belay_datasets d = { 0 };
    struct belay_dataset e;
    struct belay_dataset_params p = { .format = "spirals", .count = 40, .classes = 3 };
    ck_log_ok(&log_, belay_datasets_load(&log_, &p, &d));
    ck_log_ok(&log_, apply_csv(&d.preprocess, "u,v,class\n0.5,1,2\n3,4,0\n", true, &e));
    ck_assert_float_eq(at(&e, 1, 0), 3);
    ck_assert_int_eq(e.labels[0], 2);
    belay_dataset_finish(&e);
    belay_datasets_finish(&d);
}
END_TEST

START_TEST(tsv_files_are_split_at_tabs_and_gzip_is_refused)
{
    struct belay_datasets d = { 0 };
    const char *const list[] = { "t.tsv" };
    struct belay_dataset_params p = files(NULL, list, 1);
    p.delimiter = ',';
    write_text("t.tsv", "a\tb\ty\n1\t2\t0\n3\t4\t1\n");
    ck_log_ok(&log_, belay_datasets_load(&log_, &p, &d));
    ck_assert_uint_eq(d.train.features, 2);
    belay_datasets_finish(&d);
    write_text("t.tsv", "\x1f\x8b\x08\x01\x01");
    ck_status_is(&log_, belay_datasets_load(&log_, &p, &d), BELAY_ERR_UNSUPPORTED);
}
END_TEST

// ---- Made data, memory ----

START_TEST(spirals_repeat_by_seed_and_have_every_class)
{
    struct belay_datasets a = { 0 }, b = { 0 }, c = { 0 };
    struct belay_dataset_params p = { .format = "spirals", .count = 300, .classes = 3,
                                      .noise = 0.05, .seed = 4 };
    ck_log_ok(&log_, belay_datasets_load(&log_, &p, &a));
    ck_log_ok(&log_, belay_datasets_load(&log_, &p, &b));
    p.seed = 5;
    ck_log_ok(&log_, belay_datasets_load(&log_, &p, &c));
    ck_assert_str_eq(a.digest.hex, b.digest.hex);
    ck_assert_str_ne(a.digest.hex, c.digest.hex);
    ck_assert_uint_eq(a.train.rows, 300);
    ck_assert_uint_eq(a.test.rows, 75);
    ck_assert_uint_eq(a.train.classes, 3);
    ck_assert_str_ne(a.train.digest.hex, a.test.digest.hex);
    belay_datasets_finish(&a);
    belay_datasets_finish(&b);
    belay_datasets_finish(&c);
}
END_TEST

START_TEST(memory_is_copied_and_split)
{
    struct belay_datasets d = { 0 };
    float x[20], y[10];
    struct belay_memory_data m = { .x = x, .y = y, .rows = 10, .features = 2, .targets = 1 };
    struct belay_dataset_params p = { .validation = 0.2, .split_seed = 3 };
    for (int i = 0; i < 20; i++)
        x[i] = (float) i;
    for (int i = 0; i < 10; i++)
        y[i] = (float) i;
    ck_log_ok(&log_, belay_datasets_from_memory(&log_, &p, &m, NULL, NULL, &d));
    memset(x, 0, sizeof(x));
    ck_assert_uint_eq(d.train.rows, 8);
    ck_assert_uint_eq(d.validation.rows, 2);
    for (size_t r = 0; r < 8; r++)
        ck_assert_float_eq(at(&d.train, r, 1), 2 * d.train.y[r] + 1);
    belay_datasets_finish(&d);

    const int32_t labels[10] = { 0, 1, 2, 3, 0, 1, 2, 3, 4, 0 };
    m.labels = labels;
    m.classes = 4;
    ck_status_is(&log_, belay_datasets_from_memory(&log_, &p, &m, NULL, NULL, &d), BELAY_ERR_DATA);
    ck_says("training: row 8: label 4 is out of range: there are 4 classes");
    m.x = NULL;
    ck_status_is(&log_, belay_datasets_from_memory(&log_, &p, &m, NULL, NULL, &d), BELAY_ERR_ARG);
}
END_TEST

// ---- Split ----

START_TEST(a_stratified_split_keeps_the_shares_and_the_order)
{
    enum { ROWS = 1000 };
    int32_t labels[ROWS], order[ROWS], again[ROWS];
    size_t num, same;
    int held[3] = { 0 };
    for (int i = 0; i < ROWS; i++)
        labels[i] = i % 10 == 0 ? 2 : i % 2; // 100, 500, 400 or so
    ck_log_ok(&log_, belay_split(&log_, ROWS, labels, 3, 0.1, 7, true, order, &num));
    ck_assert_uint_eq(num, 900);
    for (size_t i = num; i < ROWS; i++)
        held[labels[order[i]]]++;
    ck_assert_int_eq(held[0], 40);
    ck_assert_int_eq(held[1], 50);
    ck_assert_int_eq(held[2], 10);
    for (size_t i = 1; i < ROWS; i++)
        ck_assert(i == num || order[i] > order[i - 1]);
    ck_log_ok(&log_, belay_split(&log_, ROWS, labels, 3, 0.1, 7, true, again, &same));
    ck_assert_mem_eq(order, again, sizeof(order));
    ck_log_ok(&log_, belay_split(&log_, ROWS, labels, 3, 0.1, 8, true, again, &same));
    ck_assert_mem_ne(order, again, sizeof(order));
    ck_log_ok(&log_, belay_split(&log_, ROWS, NULL, 0, 0, 8, true, again, &same));
    ck_assert_uint_eq(same, ROWS);
}
END_TEST

START_TEST(folds_share_no_row_and_are_all_rows)
{
    enum { ROWS = 103, FOLDS = 5 };
    int32_t labels[ROWS], order[ROWS];
    int tested[ROWS] = { 0 }, classes[FOLDS][3] = { { 0 } };
    size_t num, validation;
    for (int i = 0; i < ROWS; i++)
        labels[i] = i % 10 == 0 ? 2 : i % 2;
    for (size_t f = 0; f < FOLDS; f++) {
        struct belay_dataset_params p = { .validation = 0.25, .stratify = true, .folds = FOLDS,
                                          .fold = f };
        bool seen[ROWS] = { false };
        ck_log_ok(&log_, belay_split_all(&log_, ROWS, labels, 3, &p, order, &num, &validation));
        ck_assert_uint_ge(ROWS - num - validation, ROWS / FOLDS);
        ck_assert_uint_le(ROWS - num - validation, ROWS / FOLDS + 1);
        ck_assert_uint_gt(validation, 15);
        for (size_t i = 0; i < ROWS; i++) {
            ck_assert(!seen[order[i]]);
            seen[order[i]] = true;
            if (i >= num + validation) {
                tested[order[i]]++;
                classes[f][labels[order[i]]]++;
            }
        }
    }
    for (int i = 0; i < ROWS; i++)
        ck_assert_int_eq(tested[i], 1);
    for (int c = 0; c < 3; c++)
        for (int f = 1; f < FOLDS; f++)
            ck_assert_int_le(abs(classes[f][c] - classes[0][c]), 1);
    struct belay_dataset_params p = { .folds = 3, .fold = 3 };
    ck_status_is(&log_, belay_split_all(&log_, ROWS, NULL, 0, &p, order, &num, &validation),
                 BELAY_ERR_DATA);
    ck_says("fold 3 of 3 folds");
}
END_TEST

START_TEST(a_held_out_share_is_another_for_another_seed)
{
    enum { ROWS = 60 };
    int32_t order[ROWS], again[ROWS];
    size_t num, validation;
    struct belay_dataset_params p = { .validation = 0.25, .hold_out = 0.2 };
    ck_log_ok(&log_, belay_split_all(&log_, ROWS, NULL, 0, &p, order, &num, &validation));
    ck_assert_uint_eq(num, 36);
    ck_assert_uint_eq(validation, 12);
    p.test_seed = 1;
    ck_log_ok(&log_, belay_split_all(&log_, ROWS, NULL, 0, &p, again, &num, &validation));
    ck_assert_mem_ne(order + 48, again + 48, 12 * sizeof(*order));
}
END_TEST

START_TEST(what_does_not_divide_is_shared_out_evenly)
{
    int32_t labels[20], order[20];
    size_t num;
    int held[4] = { 0 };
    for (int i = 0; i < 20; i++)
        labels[i] = i % 4;
    ck_log_ok(&log_, belay_split(&log_, 20, labels, 4, 0.5, 1, true, order, &num));
    ck_assert_uint_eq(num, 10);
    for (size_t i = num; i < 20; i++)
        held[labels[order[i]]]++;
    for (int c = 0; c < 4; c++) // 2.5 of 5 each
        ck_assert_int_eq(held[c], c < 2 ? 3 : 2);
}
END_TEST

START_TEST(a_split_that_leaves_nothing_is_refused)
{
    int32_t order[4];
    size_t num;
    ck_status_is(&log_, belay_split(&log_, 4, NULL, 0, 0.1, 0, true, order, &num), BELAY_ERR_DATA);
    ck_says("0.1 of 4 rows leaves 0 for validation");
    ck_status_is(&log_, belay_split(&log_, 4, NULL, 0, 1.0, 0, true, order, &num), BELAY_ERR_ARG);
}
END_TEST

// ---- Fingerprints, JSON ----

START_TEST(a_changed_byte_changes_the_fingerprint)
{
    struct belay_datasets a = { 0 }, b = { 0 };
    const char *const list[] = { "x.idx", "y.idx" };
    struct belay_dataset_params p = files("idx", list, 2);
    unsigned char other[24];
    memcpy(other, pixels, 24);
    other[17]++;
    write_idx("x.idx", 2, (const unsigned char[]){ 4, 6 }, pixels, 24);
    write_idx("y.idx", 1, (const unsigned char[]){ 4 }, (const unsigned char[]){ 0, 1, 2, 0 }, 4);
    ck_log_ok(&log_, belay_datasets_load(&log_, &p, &a));
    write_idx("x.idx", 2, (const unsigned char[]){ 4, 6 }, other, 24);
    ck_log_ok(&log_, belay_datasets_load(&log_, &p, &b));
    ck_assert_str_ne(a.digest.hex, b.digest.hex);
    ck_assert_str_ne(a.train.digest.hex, b.train.digest.hex);
    belay_datasets_finish(&a);
    belay_datasets_finish(&b);

    ck_log_ok(&log_, load_csv("a,y\n1,1.5\n2,2.5\n", NULL, &a));
    ck_log_ok(&log_, load_csv("a,y\n1,1.5\n2,2.6\n", NULL, &b));
    ck_assert_str_ne(a.digest.hex, b.digest.hex);
    belay_datasets_finish(&a);
    belay_datasets_finish(&b);
}
END_TEST

START_TEST(preprocessing_survives_json_to_the_bit)
{
    struct belay_datasets d;
    struct belay_preprocess p = { 0 };
    struct belay_dataset_params params = { .standardize = true, .missing = "mean" };
    ck_log_ok(&log_, load_csv("a,\"b \"\"x\"\", ü\",y\n0.1,red,1\n0.7,green,0\n0.2,,1\n", &params,
                              &d));
    char *json = belay_preprocess_to_json(&d.preprocess);
    ck_assert_ptr_nonnull(json);
    ck_log_ok(&log_, belay_preprocess_from_json(&log_, json, &p));
    char *again = belay_preprocess_to_json(&p);
    ck_assert_str_eq(json, again);
    ck_assert(p.columns[0].mean == d.preprocess.columns[0].mean);
    ck_assert(p.columns[0].std == d.preprocess.columns[0].std);
    ck_assert(p.columns[0].fill == d.preprocess.columns[0].fill);
    ck_assert_str_eq(p.columns[1].name, "b \"x\", ü");
    ck_assert_str_eq(p.columns[1].values[0], "green");
    ck_assert_uint_eq(p.input_count, 3);
    ck_assert(p.header);
    belay_free(json);
    belay_free(again);
    belay_preprocess_finish(&p);
    belay_datasets_finish(&d);
}
END_TEST

START_TEST(damaged_preprocessing_is_refused)
{
    static const char *const bad[] = {
        "", "[]", "{}", "{\"format\": 3}",
        "{\"format\": \"idx\", \"raw_count\": 4, \"input_count\": 5}",
        "{\"format\": \"idx\", \"raw_count\": 4, \"input_count\": 4, \"std\": 0}",
        "{\"format\": \"csv\", \"raw_count\": 1, \"input_count\": 1, \"columns\": [3]}",
        "{\"format\": \"csv\", \"raw_count\": 1, \"input_count\": 2, \"columns\": "
        "[{\"name\": \"a\", \"values\": [\"x\"]}]}",
        "{\"format\": \"idx\", \"raw_count\": 4, \"input_count\": 4, \"classes\": []}",
        "{\"format\": \"idx\", \"raw_count\": 4, \"input_count\": 4, \"classes\": [1]}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct belay_preprocess p = { 0 };
        belay_status status = belay_preprocess_from_json(&log_, bad[i], &p);
        ck_assert_msg(status == BELAY_ERR_DAMAGED, "%s: %s", bad[i], belay_status_name(status));
    }
}
END_TEST

START_TEST(raw_numbers_become_inputs_as_files_do)
{
    struct belay_datasets d;
    struct belay_dataset_params params = { .standardize = true };
    const float raw[4] = { 0.7f, 1, 0.1f, -1 };
    float out[6];
    ck_log_ok(&log_, load_csv("a,b,y\n0.1,red,1\n0.7,green,0\n0.2,red,1\n", &params, &d));
    ck_log_ok(&log_, belay_preprocess_numbers(&log_, &d.preprocess, raw, 2, out));
    ck_assert_float_eq_tol(out[0], at(&d.train, 1, 0), 1e-6);
    ck_assert_float_eq(out[2], 1); // values are sorted: green, red
    ck_assert_float_eq(out[4] + out[5], 0);
    const float bad[2] = { INFINITY, 0 };
    ck_status_is(&log_, belay_preprocess_numbers(&log_, &d.preprocess, bad, 1, out),
                 BELAY_ERR_DATA);
    belay_datasets_finish(&d);
}
END_TEST

// Every allocation of a load failed once in turn: NOMEM and nothing left, or OK.
static void load_without_memory(const struct belay_dataset_params *p)
{
    belay_status status = BELAY_ERR_NOMEM;
    for (int n = 0; status != BELAY_OK; n++) {
        struct belay_datasets d = { 0 };
        ck_assert_int_lt(n, 2000);
        belay_alloc_fail_at(n, false);
        status = belay_datasets_load(&log_, p, &d);
        belay_alloc_fail_at(-1, false);
        ck_assert_msg(status == BELAY_OK || status == BELAY_ERR_NOMEM, "at %d: %s (%s)", n,
                      belay_status_name(status), log_.last);
        if (status != BELAY_OK)
            ck_assert_ptr_null(d.train.x);
        belay_datasets_finish(&d);
    }
}

START_TEST(a_load_short_of_memory_fails_cleanly)
{
    static const char *const csv[] = { "t.csv" }, *const idx[] = { "x.idx", "y.idx" };
    struct belay_dataset_params p = files("csv", csv, 1);
    p.validation = 0.5;
    p.test = csv;
    p.num_test = 1;
    write_text("t.csv", "a,b,y\n0.1,red,1\n0.7,green,0\n0.2,red,1\n0.3,green,0\n");
    load_without_memory(&p);

    p = files("idx", idx, 2);
    p.validation = 0.5;
    write_idx("x.idx", 2, (const unsigned char[]){ 4, 6 }, pixels, 24);
    write_idx("y.idx", 1, (const unsigned char[]){ 4 }, (const unsigned char[]){ 0, 1, 1, 0 }, 4);
    load_without_memory(&p);

    p = (struct belay_dataset_params){ .format = "spirals", .count = 20, .standardize = true };
    load_without_memory(&p);
}
END_TEST

static void add_tests(TCase *c, const TTest *const *tests, size_t num)
{
    tcase_add_checked_fixture(c, setup, teardown);
    for (size_t i = 0; i < num; i++)
        tcase_add_test(c, tests[i]);
}

static Suite *suite_data(void)
{
    const TTest *const tests[] = {
        idx_images_stay_bytes_with_scale_and_shift, a_split_of_bytes_moves_whole_rows,
        labels_that_do_not_fit_are_named, more_classes_than_outputs_name_file_row_and_label,
        a_missing_file_and_an_unknown_format_are_clear,
        a_test_part_with_other_features_is_refused,
        npy_floats_are_standardised_and_integers_are_labels,
        npy_takes_weights_of_rows_as_a_third_file,
        npz_takes_weights_of_rows_from_a_member,
        float_targets_are_values_unless_the_task_says_classes,
        csv_text_targets_become_sorted_classes, csv_targets_go_by_name_or_index,
        csv_few_small_integers_are_classes_and_many_numbers_are_values,
        csv_means_and_values_come_from_the_training_part_alone,
        csv_missing_error_names_file_line_and_column,
        csv_missing_mean_fills_and_missing_drop_leaves_out,
        csv_a_missing_target_is_an_error_unless_dropped, csv_ragged_rows_name_their_line,
        csv_identifiers_and_repeated_names_are_refused,
        csv_apply_matches_by_name_and_zeroes_unseen_values, csv_without_header_goes_by_position,
        tsv_files_are_split_at_tabs_and_gzip_is_refused,
        a_model_of_plain_numbers_reads_csv_too, spirals_repeat_by_seed_and_have_every_class,
        memory_is_copied_and_split, a_stratified_split_keeps_the_shares_and_the_order,
        what_does_not_divide_is_shared_out_evenly, folds_share_no_row_and_are_all_rows,
        a_held_out_share_is_another_for_another_seed, a_split_that_leaves_nothing_is_refused,
        a_changed_byte_changes_the_fingerprint,
        preprocessing_survives_json_to_the_bit, damaged_preprocessing_is_refused,
        raw_numbers_become_inputs_as_files_do, a_load_short_of_memory_fails_cleanly,
    };
    Suite *s = suite_create("data");
    TCase *c = tcase_create("data");
    add_tests(c, tests, sizeof(tests) / sizeof(tests[0]));
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    return harness_main(suite_data, NULL);
}
