#include "harness.h"

#include <string.h>

#include "format/safetensors.h"
#include "scratch.h"

static struct belay_log sink;
static char dir[256], file[300];

static void set_up(void)
{
    snprintf(dir, sizeof(dir), "%s", scratch_dir("safetensors"));
    snprintf(file, sizeof(file), "%s/x.safetensors", dir);
}

static void tear_down(void)
{
    scratch_remove(dir);
}

static const float floats[] = { 0, 1, 2, 3, 4, 5 };
static const int64_t longs[] = { -1, INT64_MAX };
static const uint8_t bytes3[] = { 7, 0, 255 };
static const uint16_t halves[] = { 0x3C00, 0xC000 };

static const struct belay_st_item items[] = {
    { "b", BELAY_U8, { 1, { 3 } }, bytes3 },
    { "a.weight", BELAY_F32, { 2, { 2, 3 } }, floats },
    { "half", BELAY_F16, { 1, { 2 } }, halves },
    { "\xc3\xa9\"\\\n", BELAY_I64, { 1, { 2 } }, longs },
    { "empty", BELAY_F32, { 2, { 0, 4 } }, floats },
    { "scalar", BELAY_F32, { 0, { 0 } }, floats + 5 },
};
#define ITEM_COUNT (sizeof(items) / sizeof(items[0]))
static const struct belay_st_meta_item meta[] = { { "format", "pt" }, { "a", "x\"y" } };

static void write_all(bool digest, char *hex)
{
    ck_log_ok(&sink, belay_st_write(&sink, file, items, ITEM_COUNT, meta, 2, digest, hex));
}

START_TEST(what_is_written_is_read)
{
    struct belay_st st;
    struct belay_tensor t;
    char hex[33];
    write_all(true, hex);
    ck_log_ok(&sink, belay_st_read(&sink, file, &st));
    ck_assert_uint_eq(st.count, ITEM_COUNT);
    ck_assert_str_eq(belay_st_meta(&st, "a"), "x\"y");
    ck_assert_str_eq(belay_st_meta(&st, "belay.digest"), hex);
    ck_assert_ptr_null(belay_st_meta(&st, "none"));
    for (size_t i = 0; i < ITEM_COUNT; i++) {
        const struct belay_st_entry *e = belay_st_find(&st, items[i].name);
        ck_assert_ptr_nonnull(e);
        ck_assert(e->known && e->dtype == items[i].dtype);
        ck_assert(belay_shape_equal(&e->shape, &items[i].shape));
        ck_assert(memcmp(e->data, items[i].data, e->size) == 0);
    }
    ck_log_ok(&sink, belay_st_load(&sink, belay_st_find(&st, "half"), &t, BELAY_F32));
    ck_assert(((float *) t.data)[0] == 1.0f && ((float *) t.data)[1] == -2.0f);
    belay_tensor_finish(&t);
    belay_st_finish(&st);
    belay_st_finish(&st);
}
END_TEST

START_TEST(the_header_is_ordered_and_padded_as_the_reference_does)
{
    static const char want[] =
        "{\"__metadata__\":{\"a\":\"x\\\"y\",\"format\":\"pt\"},"
        "\"\xc3\xa9\\\"\\\\\\n\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[0,16]},"
        "\"a.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[16,40]},"
        "\"empty\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[40,40]},"
        "\"scalar\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[40,44]},"
        "\"half\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[44,48]},"
        "\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[48,51]}}";
    char *data;
    size_t size;
    write_all(false, NULL);
    ck_log_ok(&sink, belay_file_read(&sink, file, 0, &data, &size));
    ck_assert(memcmp(data + 8, want, sizeof(want) - 1) == 0);
    ck_assert_uint_eq((size - 51) % 8, 0);
    ck_assert_uint_eq((unsigned char) data[0] + 256u * (unsigned char) data[1], size - 8 - 51);
    belay_free(data);
}
END_TEST

// Parses a copy of exactly this size.
static belay_status parse_copy(const char *data, size_t size, struct belay_st *st)
{
    char *copy = belay_alloc(size);
    memcpy(copy, data, size);
    return belay_st_parse(&sink, "copy", copy, size, st);
}

START_TEST(a_file_cut_anywhere_or_with_any_bit_turned_is_refused)
{
    struct belay_st st;
    char *data;
    size_t size;
    write_all(true, NULL);
    ck_log_ok(&sink, belay_file_read(&sink, file, 0, &data, &size));
    for (size_t n = 0; n < size; n++)
        ck_assert_msg(parse_copy(data, n, &st) == BELAY_ERR_DAMAGED, "cut to %zu", n);
    for (size_t i = 0; i < size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            data[i] = (char) (data[i] ^ (1 << bit));
            belay_status status = parse_copy(data, size, &st);
            // The word "belay.digest" itself can be damaged: then nothing says that there is one.
            bool lost = status == BELAY_OK && !belay_st_meta(&st, "belay.digest");
            ck_assert_msg(status == BELAY_ERR_DAMAGED || lost, "byte %zu bit %d", i, bit);
            belay_st_finish(&st);
            data[i] = (char) (data[i] ^ (1 << bit));
        }
    }
    ck_log_ok(&sink, parse_copy(data, size, &st));
    belay_st_finish(&st);
    belay_free(data);
}
END_TEST

// Each byte of the data in turn: the message names the tensor that it belongs to.
START_TEST(a_damaged_tensor_is_named)
{
    struct belay_st whole, st;
    char *data, want[64];
    size_t size;
    write_all(true, NULL);
    ck_log_ok(&sink, belay_file_read(&sink, file, 0, &data, &size));
    ck_log_ok(&sink, parse_copy(data, size, &whole));
    for (size_t i = 0; i < whole.count; i++) {
        const struct belay_st_entry *e = &whole.entries[i];
        for (size_t byte = 0; byte < e->size; byte++) {
            size_t at = (size_t) ((const char *) e->data - whole.bytes) + byte;
            data[at] = (char) (data[at] ^ 1);
            ck_assert_int_eq(parse_copy(data, size, &st), BELAY_ERR_DAMAGED);
            snprintf(want, sizeof(want), "tensor '%s' is damaged", e->name);
            for (char *c = want; *c; c++)
                *c = *c == '\n' ? ' ' : *c; // as in all messages
            ck_assert_msg(strstr(sink.last, want) != NULL, "%s: %s", e->name, sink.last);
            belay_st_finish(&st);
            data[at] = (char) (data[at] ^ 1);
        }
    }
    belay_st_finish(&whole);
    belay_free(data);
}
END_TEST

START_TEST(names_that_cannot_be_written_are_refused)
{
    static const struct belay_st_item twice[] = { { "a", BELAY_U8, { 1, { 3 } }, bytes3 },
                                                  { "a", BELAY_F16, { 1, { 1 } }, halves } };
    static const struct belay_st_item reserved = { "__metadata__", BELAY_U8, { 1, { 3 } },
                                                   bytes3 };
    static const struct belay_st_item latin = { "\xe9", BELAY_U8, { 1, { 3 } }, bytes3 };
    static const struct belay_st_meta_item again[] = { { "k", "1" }, { "k", "2" } };
    static const struct belay_st_meta_item digest[] = { { "belay.digest", "1" } };
    ck_status_is(&sink, belay_st_write(&sink, file, twice, 2, NULL, 0, false, NULL), BELAY_ERR_ARG);
    ck_status_is(&sink, belay_st_write(&sink, file, &reserved, 1, NULL, 0, false, NULL),
                 BELAY_ERR_ARG);
    ck_status_is(&sink, belay_st_write(&sink, file, &latin, 1, NULL, 0, false, NULL),
                 BELAY_ERR_ARG);
    ck_status_is(&sink, belay_st_write(&sink, file, NULL, 0, again, 2, false, NULL),
                 BELAY_ERR_ARG);
    ck_status_is(&sink, belay_st_write(&sink, file, NULL, 0, digest, 1, true, NULL),
                 BELAY_ERR_ARG);
    ck_assert(!belay_file_exists(file));
}
END_TEST

static belay_status parse_header(const char *header, size_t data_size, struct belay_st *st)
{
    size_t length = strlen(header);
    char *bytes = belay_alloc(8 + length + data_size);
    bytes[0] = (char) (length & 255);
    bytes[1] = (char) (length >> 8);
    memcpy(bytes + 8, header, length);
    return belay_st_parse(&sink, "f", bytes, 8 + length + data_size, st);
}

static void check_refused(const char *header, size_t data_size, const char *error_name)
{
    struct belay_st st;
    ck_assert_msg(parse_header(header, data_size, &st) == BELAY_ERR_DAMAGED, "%s", header);
    ck_assert_msg(st.error_name && strcmp(st.error_name, error_name) == 0, "%s: %s", header,
                  st.error_name ? st.error_name : "no name");
}

START_TEST(what_the_case_file_leaves_out_is_refused_too)
{
    check_refused("{\"a\":[\"I32\",[1],[0,4]]}", 4, "E_HDR_JSON");
    check_refused("{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],"
                  "\"data_offsets\":[0,1]}}", 1, "E_RANK");
    check_refused("{\"__metadata__\":{\"a\\u0000\":\"1\"}}", 0, "E_META");
    check_refused("{\"__metadata__\":{\"a\":\"\\u0000\"}}", 0, "E_META");
    check_refused("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"I8\",\"shape\":[1],"
                  "\"data_offsets\":[0,1]}}", 1, "E_HDR_JSON");
    check_refused("{\"__metadata__\":{\"belay.digest\":\"12\"}}", 0, "E_DIGEST");
    check_refused("{\"__metadata__\":{\"belay.digest\":\"00000000000000000000000000000000\"}}", 0,
                  "E_DIGEST");
    char name[5200] = "{\"";
    memset(name + 2, 'x', 5000);
    strcpy(name + 5002, "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}");
    check_refused(name, 1, "E_NAME");
}
END_TEST

START_TEST(what_the_format_allows_is_accepted)
{
    struct belay_st st;
    struct belay_tensor t;
    // White space before, fields we do not know, a type that is listed only.
    ck_log_ok(&sink, parse_header(" {\"a\":{\"dtype\":\"C64\",\"more\":[1.5,{\"x\":null}],"
                                  "\"shape\":[1],\"data_offsets\":[0,8]}}", 8, &st));
    ck_assert(!st.entries[0].known);
    ck_assert_str_eq(st.entries[0].dtype_name, "C64");
    ck_status_is(&sink, belay_st_load(&sink, st.entries, &t, BELAY_F32), BELAY_ERR_UNSUPPORTED);
    belay_st_finish(&st);
    // Tensors at odd addresses.
    ck_log_ok(&sink, parse_header("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                                  "\"b\":{\"dtype\":\"F32\",\"shape\":[1],"
                                  "\"data_offsets\":[1,5]}}", 5, &st));
    ck_log_ok(&sink, belay_st_load(&sink, belay_st_find(&st, "b"), &t, BELAY_F32));
    ck_assert(*(float *) t.data == 0);
    belay_tensor_finish(&t);
    belay_st_finish(&st);
}
END_TEST

START_TEST(every_failed_allocation_is_told_and_freed)
{
    belay_status status = BELAY_ERR_NOMEM;
    struct belay_st st;
    for (int64_t n = 0; status != BELAY_OK && n < 1000; n++) {
        belay_alloc_fail_at(n, false);
        status = belay_st_write(&sink, file, items, ITEM_COUNT, meta, 2, true, NULL);
        belay_alloc_fail_at(-1, false);
        ck_assert(status == BELAY_OK || status == BELAY_ERR_NOMEM ||
                  status == BELAY_ERR_IO); // the folder's name for its sync
    }
    status = BELAY_ERR_NOMEM;
    for (int64_t n = 0; status != BELAY_OK && n < 1000; n++) {
        belay_alloc_fail_at(n, false);
        status = belay_st_read(&sink, file, &st);
        belay_alloc_fail_at(-1, false);
        ck_assert(status == BELAY_OK || status == BELAY_ERR_NOMEM);
    }
    belay_st_finish(&st);
}
END_TEST

// Runs the reference writer and reader on the same content. BELAY_PYTHON names an interpreter.
static const char *find_python(void)
{
    static const char *const places[] = { "/tmp/setup/torch/bin/python", "python3" };
    static char command[600];
    const char *named = getenv("BELAY_PYTHON");

    for (size_t i = 0; i < 3; i++) {
        const char *python = i == 0 ? named : places[i - 1];
        if (!python || !*python)
            continue;
        snprintf(command, sizeof(command), "'%s' -c 'import safetensors, numpy' 2>/dev/null",
                 python);
        if (system(command) == 0)
            return python;
    }
    return NULL;
}

static const char script[] =
    "import sys, numpy as np\n"
    "from safetensors.numpy import save_file, load_file\n"
    "d = sys.argv[1]\n"
    "a = {'b': np.array([7, 0, 255], 'u1'), 'a.weight': np.arange(6, dtype='f4').reshape(2, 3),\n"
    "     'half': np.array([1, -2], 'f2'), '\\u00e9\"\\\\\\n': np.array([-1, 2**63 - 1], 'i8'),\n"
    "     'empty': np.zeros((0, 4), 'f4'), 'scalar': np.array(5, 'f4')}\n"
    "save_file(a, d + '/ref.safetensors', metadata={'format': 'pt'})\n"
    "ours = load_file(d + '/x.safetensors')\n"
    "assert set(ours) == set(a)\n"
    "assert all((ours[k] == a[k]).all() and ours[k].dtype == a[k].dtype for k in a)\n"
    "same = open(d + '/ref.safetensors', 'rb').read() == open(d + '/x.safetensors', 'rb').read()\n"
    "sys.exit(0 if same else 3)\n";

START_TEST(the_reference_reads_our_file_and_writes_the_same_bytes)
{
    const char *python = find_python();
    char command[1200], path[300];
    if (!python) {
        harness_skip("no Python with safetensors and numpy (BELAY_PYTHON names one)");
        return;
    }
    ck_log_ok(&sink, belay_st_write(&sink, file, items, ITEM_COUNT, meta, 1, false, NULL));
    snprintf(path, sizeof(path), "%s/compare.py", dir);
    ck_log_ok(&sink, belay_file_write(&sink, path, script, sizeof(script) - 1));
    snprintf(command, sizeof(command), "'%s' '%s' '%s'", python, path, dir);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("safetensors");
    TCase *t = tcase_create("safetensors");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, what_is_written_is_read);
    tcase_add_test(t, the_header_is_ordered_and_padded_as_the_reference_does);
    tcase_add_test(t, a_file_cut_anywhere_or_with_any_bit_turned_is_refused);
    tcase_add_test(t, a_damaged_tensor_is_named);
    tcase_add_test(t, names_that_cannot_be_written_are_refused);
    tcase_add_test(t, what_the_case_file_leaves_out_is_refused_too);
    tcase_add_test(t, what_the_format_allows_is_accepted);
    tcase_add_test(t, every_failed_allocation_is_told_and_freed);
    tcase_add_test(t, the_reference_reads_our_file_and_writes_the_same_bytes);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return harness_main(suite, NULL);
}
