#include "harness.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "tensor/tensor.h"

static struct belay_log sink;

static uint16_t bits_of(belay_dtype dtype, double value)
{
    uint16_t bits;
    belay_dtype_store(dtype, &bits, value);
    return bits;
}

START_TEST(every_dtype_has_a_name_that_is_found_again)
{
    for (int i = 0; i < BELAY_DTYPE_COUNT; i++) {
        belay_dtype found;
        ck_assert(belay_dtype_parse(belay_dtype_name((belay_dtype) i), &found));
        ck_assert_int_eq(found, i);
        ck_assert_uint_gt(belay_dtype_size((belay_dtype) i), 0);
    }
    belay_dtype none;
    ck_assert(!belay_dtype_parse("f32", &none));
}
END_TEST

START_TEST(half_floats_round_to_nearest_even)
{
    static const struct {
        double value;
        uint16_t f16, bf16;
    } cases[] = {
        { 0.0, 0x0000, 0x0000 },
        { -0.0, 0x8000, 0x8000 },
        { 1.0, 0x3C00, 0x3F80 },
        { -2.0, 0xC000, 0xC000 },
        { 65504, 0x7BFF, 0x4780 },
        { 65519.99, 0x7BFF, 0x4780 },
        { 65520, 0x7C00, 0x4780 },
        { INFINITY, 0x7C00, 0x7F80 },
        { -INFINITY, 0xFC00, 0xFF80 },
        { 5.9604644775390625e-08, 0x0001, 0x3380 }, // the least subnormal
        { 2.98023223876953125e-08, 0x0000, 0x3300 }, // half of it: to even
        { 2.9802322387695316e-08, 0x0001, 0x3300 },
        { 6.103515625e-05, 0x0400, 0x3880 },         // the least normal
        { 6.1005353927612305e-05, 0x0400, 0x3880 },  // rounds up into it
        { 1.0 + 0x1p-11, 0x3C00, 0x3F80 },           // ties to even
        { 1.0 + 3 * 0x1p-11, 0x3C02, 0x3F80 },
        { 1.0 + 0x1p-8, 0x3C04, 0x3F80 },
        { 1.0 + 3 * 0x1p-8, 0x3C0C, 0x3F82 },
        { 1.0 + 0x1p-8 + 0x1p-40, 0x3C04, 0x3F81 }, // would be lost by rounding twice
        { 3.4e38, 0x7C00, 0x7F80 },
        { 3.3895313892515355e38, 0x7C00, 0x7F7F },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_msg(bits_of(BELAY_F16, cases[i].value) == cases[i].f16, "f16 of %.17g: %04x",
                      cases[i].value, bits_of(BELAY_F16, cases[i].value));
        ck_assert_msg(bits_of(BELAY_BF16, cases[i].value) == cases[i].bf16, "bf16 of %.17g: %04x",
                      cases[i].value, bits_of(BELAY_BF16, cases[i].value));
    }
    ck_assert(isnan(belay_dtype_load(BELAY_F16, &(uint16_t){ bits_of(BELAY_F16, NAN) })));
    ck_assert(isnan(belay_dtype_load(BELAY_BF16, &(uint16_t){ bits_of(BELAY_BF16, NAN) })));
}
END_TEST

START_TEST(every_half_float_comes_back_as_it_was)
{
    static const belay_dtype types[] = { BELAY_F16, BELAY_BF16 };
    int wrong = 0; // Check notes every assertion in a file: loops ask once
    for (int t = 0; t < 2; t++) {
        for (uint32_t i = 0; i < 65536; i++) {
            uint16_t bits = (uint16_t) i;
            double value = belay_dtype_load(types[t], &bits);
            wrong += !isnan(value) && bits_of(types[t], value) != bits;
        }
    }
    ck_assert_int_eq(wrong, 0);
}
END_TEST

START_TEST(bfloat_is_the_upper_half_of_a_float)
{
    int wrong = 0;
    for (uint32_t i = 0; i < 65536; i++) {
        uint16_t bits = (uint16_t) i;
        uint32_t wide = i << 16;
        float want;
        memcpy(&want, &wide, sizeof(want));
        double got = belay_dtype_load(BELAY_BF16, &bits);
        wrong += isnan(want) ? !isnan(got) : got != (double) want;
    }
    ck_assert_int_eq(wrong, 0);
}
END_TEST

START_TEST(values_out_of_range_become_the_nearest)
{
    int8_t i8;
    uint8_t u8;
    int64_t i64;
    uint64_t u64;
    belay_dtype_store(BELAY_I8, &i8, 300);
    ck_assert_int_eq(i8, 127);
    belay_dtype_store(BELAY_I8, &i8, -300);
    ck_assert_int_eq(i8, -128);
    belay_dtype_store(BELAY_U8, &u8, -1);
    ck_assert_int_eq(u8, 0);
    belay_dtype_store(BELAY_U8, &u8, 2.9);
    ck_assert_int_eq(u8, 2);
    belay_dtype_store(BELAY_I64, &i64, 1e300);
    ck_assert(i64 == INT64_MAX);
    belay_dtype_store(BELAY_I64, &i64, -INFINITY);
    ck_assert(i64 == INT64_MIN);
    belay_dtype_store(BELAY_I64, &i64, NAN);
    ck_assert(i64 == 0);
    belay_dtype_store(BELAY_U64, &u64, 1e300);
    ck_assert(u64 == UINT64_MAX);
    belay_dtype_store(BELAY_BOOL, &u8, 0.25);
    ck_assert_int_eq(u8, 1);
}
END_TEST

START_TEST(whole_numbers_stay_exact_between_types)
{
    static const int64_t from[] = { INT64_MAX, INT64_MIN, (INT64_C(1) << 53) + 1, -7, 0 };
    uint64_t u[5];
    int32_t i[5];
    uint8_t b[5];
    int64_t back[5];
    belay_dtype_convert(BELAY_I64, from, BELAY_U64, u, 5);
    ck_assert(u[0] == INT64_MAX && u[1] == 0 && u[2] == (UINT64_C(1) << 53) + 1 && u[3] == 0);
    belay_dtype_convert(BELAY_U64, u, BELAY_I64, back, 5);
    ck_assert(back[2] == from[2] && back[0] == from[0]);
    belay_dtype_convert(BELAY_I64, from, BELAY_I32, i, 5);
    ck_assert(i[0] == INT32_MAX && i[1] == INT32_MIN && i[3] == -7);
    belay_dtype_convert(BELAY_I64, from, BELAY_BOOL, b, 5);
    ck_assert(b[0] == 1 && b[3] == 1 && b[4] == 0);
    static const uint8_t odd[3] = { 0, 2, 255 };
    belay_dtype_convert(BELAY_BOOL, odd, BELAY_BOOL, b, 3);
    ck_assert(b[0] == 0 && b[1] == 1 && b[2] == 1);
}
END_TEST

START_TEST(elements_need_no_alignment)
{
    char bytes[9] = { 0 };
    belay_dtype_store(BELAY_F64, bytes + 1, 1.5);
    ck_assert(belay_dtype_load(BELAY_F64, bytes + 1) == 1.5);
}
END_TEST

START_TEST(shapes_that_overflow_are_refused)
{
    struct belay_shape s;
    const int64_t big[] = { INT64_C(1) << 40, INT64_C(1) << 40 }, zero[] = { 0, INT64_MAX, 2 };
    const int64_t negative[] = { 2, -1 };
    ck_assert_int_eq(belay_shape_make(&sink, 2, big, &s), BELAY_ERR_SHAPE);
    ck_assert_int_eq(belay_shape_make(&sink, 3, zero, &s), BELAY_ERR_SHAPE);
    ck_assert_int_eq(belay_shape_make(&sink, 2, negative, &s), BELAY_ERR_SHAPE);
    ck_assert_int_eq(belay_shape_make(&sink, 9, zero, &s), BELAY_ERR_SHAPE);
    ck_log_ok(&sink, belay_shape_make(&sink, 0, NULL, &s));
    ck_assert_int_eq(belay_shape_count(&s), 1);
}
END_TEST

START_TEST(broadcasting_is_numpys)
{
    const struct belay_shape a = { 3, { 4, 1, 3 } }, b = { 2, { 2, 1 } }, c = { 1, { 2 } };
    struct belay_shape out;
    int64_t stride[BELAY_MAX_RANK];
    char text[BELAY_SHAPE_TEXT];
    ck_assert(belay_shape_broadcast(&a, &b, &out));
    ck_assert_str_eq(belay_shape_text(&out, text), "[4, 2, 3]");
    ck_assert(!belay_shape_broadcast(&a, &c, &out));
    belay_shape_broadcast(&a, &b, &out);
    belay_shape_strides_to(&a, &out, stride);
    ck_assert(stride[0] == 3 && stride[1] == 0 && stride[2] == 1);
    belay_shape_strides_to(&b, &out, stride);
    ck_assert(stride[0] == 0 && stride[1] == 1 && stride[2] == 0);
    const struct belay_shape none = { 1, { 0 } }, one = { 1, { 1 } };
    ck_assert(belay_shape_broadcast(&none, &one, &out) && out.dim[0] == 0);
    const struct belay_shape widest = { 8, { INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX,
                                             INT64_MAX, INT64_MAX, INT64_MAX } };
    ck_assert_uint_lt(strlen(belay_shape_text(&widest, text)), BELAY_SHAPE_TEXT);
}
END_TEST

START_TEST(axes_count_from_both_ends)
{
    const struct belay_shape s = { 3, { 4, 1, 3 } };
    int axis;
    ck_assert(belay_shape_axis(&s, -1, &axis) && axis == 2);
    ck_assert(belay_shape_axis(&s, -3, &axis) && axis == 0);
    ck_assert(!belay_shape_axis(&s, 3, &axis) && !belay_shape_axis(&s, -4, &axis));
}
END_TEST

START_TEST(a_tensor_is_aligned_zeroed_and_converted)
{
    const struct belay_shape s = { 2, { 3, 5 } };
    struct belay_tensor t, u;
    ck_log_ok(&sink, belay_tensor_init(&sink, &t, BELAY_F32, &s));
    ck_assert_uint_eq((uintptr_t) t.data % 64, 0);
    ck_assert_uint_eq(t.size, 60);
    for (int i = 0; i < 15; i++) {
        ck_assert(((float *) t.data)[i] == 0);
        ((float *) t.data)[i] = (float) i + 0.5f;
    }
    ck_log_ok(&sink, belay_tensor_convert(&sink, &t, BELAY_I32, &u));
    for (int i = 0; i < 15; i++)
        ck_assert_int_eq(((int32_t *) u.data)[i], i);
    belay_tensor_finish(&t);
    belay_tensor_finish(&t);
    belay_tensor_finish(&u);
    belay_alloc_fail_at(0, true);
    belay_status status = belay_tensor_init(&sink, &t, BELAY_F32, &s);
    belay_alloc_fail_at(-1, false);
    ck_assert_int_eq(status, BELAY_ERR_NOMEM);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = {
        every_dtype_has_a_name_that_is_found_again, half_floats_round_to_nearest_even,
        every_half_float_comes_back_as_it_was, bfloat_is_the_upper_half_of_a_float,
        values_out_of_range_become_the_nearest, whole_numbers_stay_exact_between_types,
        elements_need_no_alignment, shapes_that_overflow_are_refused, broadcasting_is_numpys,
        axes_count_from_both_ends, a_tensor_is_aligned_zeroed_and_converted,
    };
    return harness_suite("tensor", tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    return harness_main(suite, NULL);
}
