#include "harness.h"

#include <string.h>

#include <zlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "format/idx.h"

static struct belay_log sink;

// Two pictures of 2 x 3 bytes.
static const char images[] = "\0\0\x08\x03\0\0\0\x02\0\0\0\x02\0\0\0\x03"
                             "abcdefABCDEF";
#define IMAGES_SIZE (sizeof(images) - 1)

static size_t gzip(const char *data, size_t size, char *out, size_t room)
{
    z_stream s = { 0 };
    ck_assert_int_eq(deflateInit2(&s, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    s.next_in = (Bytef *) (uintptr_t) data;
    s.avail_in = (uInt) size;
    s.next_out = (Bytef *) out;
    s.avail_out = (uInt) room;
    ck_assert_int_eq(deflate(&s, Z_FINISH), Z_STREAM_END);
    size_t made = room - s.avail_out;
    deflateEnd(&s);
    return made;
}

static void check_refused(const char *bytes, size_t size, const char *why)
{
    struct belay_tensor t = { 0 };
    char *copy = belay_alloc(size); // of exactly this size, so that reading beyond shows
    memcpy(copy, bytes, size);
    belay_status status = belay_idx_parse(&sink, "f.idx", copy, size, &t);
    belay_free(copy);
    ck_assert_msg(status == BELAY_ERR_DATA, "%s: %s", why, belay_status_name(status));
    ck_assert_ptr_null(t.data);
    ck_assert_ptr_nonnull(strstr(sink.last, "f.idx"));
}

static void check_images(const char *bytes, size_t size)
{
    struct belay_tensor t;
    ck_log_ok(&sink, belay_idx_parse(&sink, "f.idx", bytes, size, &t));
    ck_assert_int_eq(t.dtype, BELAY_U8);
    ck_assert_int_eq(t.shape.rank, 3);
    ck_assert(t.shape.dim[0] == 2 && t.shape.dim[1] == 2 && t.shape.dim[2] == 3);
    ck_assert_mem_eq(t.data, "abcdefABCDEF", 12);
    belay_tensor_finish(&t);
}

START_TEST(plain_and_gzipped_files_give_the_same)
{
    char zipped[200];
    check_images(images, IMAGES_SIZE);
    check_images(zipped, gzip(images, IMAGES_SIZE, zipped, sizeof(zipped)));
}
END_TEST

START_TEST(numbers_come_in_the_machines_order)
{
    static const char floats[] = "\0\0\x0D\x01\0\0\0\x02\x3F\x80\0\0\xC0\0\0\0";
    static const char shorts[] = "\0\0\x0B\x01\0\0\0\x02\x01\x02\xFF\xFE";
    struct belay_tensor t;
    ck_log_ok(&sink, belay_idx_parse(&sink, "f", floats, sizeof(floats) - 1, &t));
    ck_assert(((float *) t.data)[0] == 1.0f && ((float *) t.data)[1] == -2.0f);
    belay_tensor_finish(&t);
    ck_log_ok(&sink, belay_idx_parse(&sink, "f", shorts, sizeof(shorts) - 1, &t));
    ck_assert(((int16_t *) t.data)[0] == 258 && ((int16_t *) t.data)[1] == -2);
    belay_tensor_finish(&t);
}
END_TEST

START_TEST(cut_anywhere_it_is_refused)
{
    char zipped[200];
    size_t size = gzip(images, IMAGES_SIZE, zipped, sizeof(zipped));
    for (size_t n = 0; n < IMAGES_SIZE; n++)
        check_refused(images, n, "cut plain file");
    for (size_t n = 0; n < size; n++)
        check_refused(zipped, n, "cut gzip file");
}
END_TEST

START_TEST(what_follows_the_data_is_refused)
{
    char more[sizeof(images)], zipped[200];
    memcpy(more, images, IMAGES_SIZE);
    more[IMAGES_SIZE] = 'x';
    check_refused(more, IMAGES_SIZE + 1, "one byte more");
    check_refused(zipped, gzip(more, IMAGES_SIZE + 1, zipped, sizeof(zipped)),
                  "one byte more inside gzip");
    size_t size = gzip(images, IMAGES_SIZE, zipped, sizeof(zipped));
    zipped[size] = 'x';
    check_refused(zipped, size + 1, "one byte more behind gzip");
}
END_TEST

START_TEST(damage_in_gzip_shows_by_its_checksum)
{
    char zipped[200];
    size_t size = gzip(images, IMAGES_SIZE, zipped, sizeof(zipped));
    for (size_t i = size - 8; i < size; i++) {
        zipped[i] ^= 0x10;
        check_refused(zipped, size, "checksum or length changed");
        zipped[i] ^= 0x10;
    }
    check_images(zipped, size);
}
END_TEST

START_TEST(headers_that_promise_too_much_get_no_memory)
{
    static const char huge[] = "\0\0\x08\x03\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF";
    static const char large[] = "\0\0\x08\x01\x7F\xFF\xFF\xFF" "abcd";
    static const char wrong_magic[] = "\x01\0\x08\x01\0\0\0\x01x";
    static const char wrong_type[] = "\0\0\x0A\x01\0\0\0\x01x";
    static const char no_dims[] = "\0\0\x08\0x";
    static const char nine_dims[] = "\0\0\x08\x09xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    char zipped[200];
    int64_t before = belay_alloc_count();
    check_refused(huge, sizeof(huge) - 1, "overflow");
    check_refused(large, sizeof(large) - 1, "2 GiB in 12 bytes");
    ck_assert_int_eq(belay_alloc_count() - before, 2); // the copies that the test makes
    check_refused(zipped, gzip(large, sizeof(large) - 1, zipped, sizeof(zipped)),
                  "2 GiB in a small gzip file");
    check_refused(wrong_magic, sizeof(wrong_magic) - 1, "magic");
    check_refused(wrong_type, sizeof(wrong_type) - 1, "type");
    check_refused(no_dims, sizeof(no_dims) - 1, "no dimensions");
    check_refused(nine_dims, sizeof(nine_dims) - 1, "nine dimensions");
}
END_TEST

START_TEST(the_fashion_files_are_read_where_they_are)
{
    static const char labels[] = "/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz";
    static const char pictures[] = "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz";
    struct belay_tensor t;
    if (!belay_file_exists(labels)) {
        harness_skip("fashion-mnist is not installed");
        return;
    }
    ck_log_ok(&sink, belay_idx_read(&sink, labels, &t));
    int counts[10] = { 0 };
    ck_assert_int_eq(t.shape.dim[0], 10000);
    for (int i = 0; i < 10000; i++)
        counts[((uint8_t *) t.data)[i]]++;
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(counts[i], 1000);
    belay_tensor_finish(&t);
    ck_log_ok(&sink, belay_idx_read(&sink, pictures, &t));
    ck_assert(t.shape.dim[0] == 10000 && t.shape.dim[1] == 28 && t.shape.dim[2] == 28);
    belay_tensor_finish(&t);
    ck_assert_int_eq(belay_idx_read(&sink, "/nowhere/x", &t), BELAY_ERR_IO);
}
END_TEST

START_TEST(every_failed_allocation_is_told_and_freed)
{
    char zipped[200];
    size_t size = gzip(images, IMAGES_SIZE, zipped, sizeof(zipped));
    struct belay_tensor t = { 0 };
    belay_status status = BELAY_ERR_NOMEM;
    for (int64_t n = 0; status != BELAY_OK && n < 100; n++) {
        belay_alloc_fail_at(n, false);
        status = belay_idx_parse(&sink, "f", zipped, size, &t);
        belay_alloc_fail_at(-1, false);
        ck_assert(status == BELAY_OK || status == BELAY_ERR_NOMEM);
    }
    belay_tensor_finish(&t);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = {
        plain_and_gzipped_files_give_the_same, numbers_come_in_the_machines_order,
        cut_anywhere_it_is_refused, what_follows_the_data_is_refused,
        damage_in_gzip_shows_by_its_checksum, headers_that_promise_too_much_get_no_memory,
        the_fashion_files_are_read_where_they_are, every_failed_allocation_is_told_and_freed,
    };
    return harness_suite("idx", tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    return harness_main(suite, NULL);
}
