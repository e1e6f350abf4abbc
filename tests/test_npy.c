#include "harness.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "format/npy.h"

// Files in tests/data/npy were written by NumPy 2.4; a is [[0, 1, 2], [3, 4, 5]].
#define DATA "tests/data/npy/"

static struct belay_log sink;
static struct belay_tensor t;

static void check_values(belay_dtype dtype)
{
    ck_assert_int_eq(t.dtype, dtype);
    ck_assert(t.shape.rank == 2 && t.shape.dim[0] == 2 && t.shape.dim[1] == 3);
    for (size_t i = 0; i < 6; i++)
        ck_assert(belay_dtype_load(dtype, (char *) t.data + i * belay_dtype_size(dtype)) ==
                  (double) i);
    belay_tensor_finish(&t);
}

START_TEST(numpys_files_are_read_in_any_order)
{
    ck_log_ok(&sink, belay_npy_read(&sink, DATA "f4.npy", &t));
    check_values(BELAY_F32);
    ck_log_ok(&sink, belay_npy_read(&sink, DATA "f4_fortran.npy", &t));
    check_values(BELAY_F32);
    ck_log_ok(&sink, belay_npy_read(&sink, DATA "f8_big.npy", &t));
    check_values(BELAY_F64);
    ck_log_ok(&sink, belay_npy_read(&sink, DATA "scalar.npy", &t));
    ck_assert(t.shape.rank == 0 && *(int64_t *) t.data == 7);
    belay_tensor_finish(&t);
    ck_log_ok(&sink, belay_npy_read(&sink, DATA "bool.npy", &t));
    ck_assert(t.dtype == BELAY_BOOL && memcmp(t.data, "\1\0\1", 3) == 0);
    belay_tensor_finish(&t);
    ck_log_ok(&sink, belay_npy_read(&sink, DATA "empty.npy", &t));
    ck_assert(t.shape.dim[0] == 0 && t.shape.dim[1] == 3 && t.size == 0);
    belay_tensor_finish(&t);
}
END_TEST

START_TEST(types_that_are_not_ours_are_told_apart_from_damage)
{
    ck_assert_int_eq(belay_npy_read(&sink, DATA "complex.npy", &t), BELAY_ERR_UNSUPPORTED);
    ck_assert_int_eq(belay_npy_read(&sink, DATA "record.npy", &t), BELAY_ERR_UNSUPPORTED);
    ck_assert_int_eq(belay_npy_read(&sink, DATA "two.npz", &t), BELAY_ERR_DATA);
    ck_assert_int_eq(belay_npz_read(&sink, DATA "f4.npy", NULL, &t), BELAY_ERR_DATA);
}
END_TEST

START_TEST(members_of_archives_are_found_by_name)
{
    ck_log_ok(&sink, belay_npz_read(&sink, DATA "two.npz", "x", &t));
    check_values(BELAY_F32);
    ck_log_ok(&sink, belay_npz_read(&sink, DATA "two.npz", "y", &t));
    ck_assert(t.dtype == BELAY_U8 && memcmp(t.data, "\1\2", 2) == 0);
    belay_tensor_finish(&t);
    ck_assert_int_eq(belay_npz_read(&sink, DATA "two.npz", "z", &t), BELAY_ERR_DATA);
    ck_assert_int_eq(belay_npz_read(&sink, DATA "two.npz", NULL, &t), BELAY_ERR_DATA);
    ck_log_ok(&sink, belay_npz_read(&sink, DATA "packed.npz", NULL, &t));
    ck_assert(t.shape.dim[0] == 40 && t.shape.dim[1] == 50);
    for (int i = 0; i < 2000; i++)
        ck_assert(((double *) t.data)[i] == 0.5);
    belay_tensor_finish(&t);
}
END_TEST

typedef belay_status (*parse_fn)(const char *bytes, size_t size);

static belay_status parse_npy(const char *bytes, size_t size)
{
    return belay_npy_parse(&sink, "f", bytes, size, &t);
}

static belay_status parse_packed(const char *bytes, size_t size)
{
    return belay_npz_parse(&sink, "f", bytes, size, "zeros", &t);
}

// A copy of exactly this size, so that reading beyond it shows.
static belay_status parse_exact(parse_fn parse, const char *bytes, size_t size)
{
    char *copy = belay_alloc(size);
    memcpy(copy, bytes, size);
    belay_status status = parse(copy, size);
    belay_free(copy);
    return status;
}

static void cut_everywhere(const char *path, parse_fn parse)
{
    char *bytes;
    size_t size;
    ck_log_ok(&sink, belay_file_read(&sink, path, 0, &bytes, &size));
    for (size_t n = 0; n < size; n++)
        ck_assert_msg(parse_exact(parse, bytes, n) != BELAY_OK, "accepted %zu bytes", n);
    ck_log_ok(&sink, parse_exact(parse, bytes, size));
    belay_tensor_finish(&t);
    belay_free(bytes);
}

START_TEST(cut_anywhere_they_are_refused)
{
    cut_everywhere(DATA "f4.npy", parse_npy);
    cut_everywhere(DATA "packed.npz", parse_packed);
}
END_TEST

START_TEST(a_changed_byte_in_packed_data_is_found)
{
    char *bytes;
    size_t size;
    ck_log_ok(&sink, belay_file_read(&sink, DATA "packed.npz", 0, &bytes, &size));
    for (size_t i = 60; i < size - 120; i++) { // between the local header and the directory
        bytes[i] ^= 0x08;
        ck_assert_msg(parse_packed(bytes, size) != BELAY_OK, "byte %zu", i);
        bytes[i] ^= 0x08;
    }
    belay_free(bytes);
}
END_TEST

static belay_status parse_x(const char *bytes, size_t size)
{
    return belay_npz_parse(&sink, "f", bytes, size, "x", &t);
}

START_TEST(a_changed_byte_in_stored_data_is_found_by_the_checksum)
{
    static const float two = 2;
    char *bytes;
    size_t size, i = 0;
    ck_log_ok(&sink, belay_file_read(&sink, DATA "two.npz", 0, &bytes, &size));
    while (memcmp(bytes + i, &two, sizeof(two)) != 0)
        ck_assert_uint_lt(++i, size - sizeof(two));
    bytes[i] ^= 1;
    ck_status_is(&sink, parse_exact(parse_x, bytes, size), BELAY_ERR_DATA);
    bytes[i] ^= 1;
    ck_log_ok(&sink, parse_exact(parse_x, bytes, size));
    belay_tensor_finish(&t);
    belay_free(bytes);
}
END_TEST

// A version 1.0 file with this dictionary and 24 bytes of data.
static belay_status parse_header(const char *dictionary)
{
    char bytes[512] = "\x93NUMPY\x01";
    size_t length = strlen(dictionary);
    bytes[7] = 0;
    bytes[8] = (char) (length & 255);
    bytes[9] = (char) (length >> 8);
    memcpy(bytes + 10, dictionary, length);
    return parse_exact(parse_npy, bytes, 10 + length + 24);
}

START_TEST(headers_are_read_strictly)
{
    static const char *const bad[] = {
        "", "{", "{}", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (6)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} x",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}",
        "{'descr': 'f4', 'fortran_order': False, 'shape': (2, 3)}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        belay_status status = parse_header(bad[i]);
        ck_assert_msg(status == BELAY_ERR_DATA || status == BELAY_ERR_UNSUPPORTED, "%s", bad[i]);
    }
    ck_log_ok(&sink, parse_header("{\"shape\":(6,),'fortran_order':True,'descr':'<f4',}  \n"));
    belay_tensor_finish(&t);
    ck_log_ok(&sink, parse_header("{'descr': '|i1', 'fortran_order': False, 'shape': (2,3,4)}"));
    belay_tensor_finish(&t);
    ck_assert_int_eq(parse_header("{'descr': '<f4', 'fortran_order': False, "
                                  "'shape': (1, 1, 1, 1, 1, 1, 1, 1, 6)}"),
                     BELAY_ERR_UNSUPPORTED);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = {
        numpys_files_are_read_in_any_order, types_that_are_not_ours_are_told_apart_from_damage,
        members_of_archives_are_found_by_name, cut_anywhere_they_are_refused,
        a_changed_byte_in_packed_data_is_found,
        a_changed_byte_in_stored_data_is_found_by_the_checksum, headers_are_read_strictly,
    };
    return harness_suite("npy", tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    return harness_main(suite, NULL);
}
