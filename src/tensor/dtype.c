#include "tensor/dtype.h"

#include <math.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
    bool integer;
} facts[BELAY_DTYPE_COUNT] = {
    [BELAY_F32] = { "F32", 4, false },  [BELAY_F64] = { "F64", 8, false },
    [BELAY_F16] = { "F16", 2, false },  [BELAY_BF16] = { "BF16", 2, false },
    [BELAY_I64] = { "I64", 8, true },   [BELAY_I32] = { "I32", 4, true },
    [BELAY_I16] = { "I16", 2, true },   [BELAY_I8] = { "I8", 1, true },
    [BELAY_U64] = { "U64", 8, true },   [BELAY_U32] = { "U32", 4, true },
    [BELAY_U16] = { "U16", 2, true },   [BELAY_U8] = { "U8", 1, true },
    [BELAY_BOOL] = { "BOOL", 1, true },
};

size_t belay_dtype_size(belay_dtype dtype)
{
    return facts[dtype].size;
}

const char *belay_dtype_name(belay_dtype dtype)
{
    return facts[dtype].name;
}

bool belay_dtype_is_int(belay_dtype dtype)
{
    return facts[dtype].integer;
}

bool belay_dtype_parse(const char *name, belay_dtype *out)
{
    for (int i = 0; i < BELAY_DTYPE_COUNT; i++) {
        if (strcmp(facts[i].name, name) == 0) {
            *out = (belay_dtype) i;
            return true;
        }
    }
    return false;
}

// A 16-bit float with `mantissa` stored bits; the rest but the sign is the exponent.
static double small_load(uint16_t bits, int mantissa)
{
    int exponent_bits = 15 - mantissa, bias = (1 << (exponent_bits - 1)) - 1;
    int exponent = (bits & 0x7FFF) >> mantissa, fraction = bits & ((1 << mantissa) - 1);
    double value;

    if (exponent == (1 << exponent_bits) - 1)
        value = fraction ? NAN : INFINITY;
    else if (exponent == 0)
        value = ldexp(fraction, 1 - bias - mantissa);
    else
        value = ldexp(fraction + (1 << mantissa), exponent - bias - mantissa);
    return bits & 0x8000 ? -value : value;
}

// Rounds once, to nearest even, straight from the double.
static uint16_t small_store(double value, int mantissa)
{
    int exponent_bits = 15 - mantissa, bias = (1 << (exponent_bits - 1)) - 1;
    uint32_t infinite = ((1u << exponent_bits) - 1) << mantissa;
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    int exponent;
    uint32_t code;

    if (isnan(value))
        return (uint16_t) (sign | infinite | 1u << (mantissa - 1));
    value = fabs(value);
    if (value == 0)
        return sign;
    if (isinf(value))
        return (uint16_t) (sign | infinite);
    frexp(value, &exponent);
    exponent--; // value = 1.xxx * 2^exponent
    if (exponent > bias)
        return (uint16_t) (sign | infinite);
    if (exponent < 1 - bias)
        exponent = 1 - bias;
    // In units of the last place; rounding up may carry into the exponent, as it should.
    code = (uint32_t) nearbyint(ldexp(value, mantissa - exponent));
    code += (uint32_t) (exponent + bias - 1) << mantissa;
    return (uint16_t) (sign | (code > infinite ? infinite : code));
}

#define LOAD(type) \
    do { \
        type value_; \
        memcpy(&value_, p, sizeof(value_)); \
        return (double) value_; \
    } while (0)

double belay_dtype_load(belay_dtype dtype, const void *p)
{
    uint16_t bits;

    switch (dtype) {
    case BELAY_F32:
        LOAD(float);
    case BELAY_F64:
        LOAD(double);
    case BELAY_F16:
        memcpy(&bits, p, sizeof(bits));
        return small_load(bits, 10);
    case BELAY_BF16:
        memcpy(&bits, p, sizeof(bits));
        return small_load(bits, 7);
    case BELAY_I64:
        LOAD(int64_t);
    case BELAY_I32:
        LOAD(int32_t);
    case BELAY_I16:
        LOAD(int16_t);
    case BELAY_I8:
        LOAD(int8_t);
    case BELAY_U64:
        LOAD(uint64_t);
    case BELAY_U32:
        LOAD(uint32_t);
    case BELAY_U16:
        LOAD(uint16_t);
    case BELAY_U8:
        LOAD(uint8_t);
    case BELAY_BOOL:
        return *(const unsigned char *) p != 0;
    case BELAY_DTYPE_COUNT:
        break;
    }
    return 0;
}

// An integer as sign and magnitude holds every value of every integer type.
struct whole {
    bool negative;
    uint64_t magnitude;
};

static struct whole whole_of_double(double value)
{
    struct whole w = { value < 0, 0 };
    double size = fabs(value);

    if (isnan(value))
        return (struct whole){ 0 };
    w.magnitude = size >= 18446744073709551616.0 ? UINT64_MAX : (uint64_t) size;
    return w;
}

static struct whole whole_load(belay_dtype dtype, const void *p)
{
    if (dtype == BELAY_I64) {
        int64_t v;
        memcpy(&v, p, sizeof(v));
        return (struct whole){ v < 0, v < 0 ? 0 - (uint64_t) v : (uint64_t) v };
    }
    if (dtype == BELAY_U64) {
        uint64_t v;
        memcpy(&v, p, sizeof(v));
        return (struct whole){ false, v };
    }
    return whole_of_double(belay_dtype_load(dtype, p));
}

static int64_t to_signed(struct whole w, int64_t most)
{
    uint64_t limit = (uint64_t) most + w.negative;
    uint64_t size = w.magnitude > limit ? limit : w.magnitude;
    return w.negative ? (int64_t) (0 - size) : (int64_t) size;
}

static uint64_t to_unsigned(struct whole w, uint64_t most)
{
    return w.negative ? 0 : w.magnitude > most ? most : w.magnitude;
}

#define STORE(type, expr) \
    do { \
        type value_ = (type) (expr); \
        memcpy(p, &value_, sizeof(value_)); \
    } while (0)

// Values out of range become the nearest that there is.
static void whole_store(belay_dtype dtype, void *p, struct whole w)
{
    switch (dtype) {
    case BELAY_I64:
        STORE(int64_t, to_signed(w, INT64_MAX));
        break;
    case BELAY_I32:
        STORE(int32_t, to_signed(w, INT32_MAX));
        break;
    case BELAY_I16:
        STORE(int16_t, to_signed(w, INT16_MAX));
        break;
    case BELAY_I8:
        STORE(int8_t, to_signed(w, INT8_MAX));
        break;
    case BELAY_U64:
        STORE(uint64_t, to_unsigned(w, UINT64_MAX));
        break;
    case BELAY_U32:
        STORE(uint32_t, to_unsigned(w, UINT32_MAX));
        break;
    case BELAY_U16:
        STORE(uint16_t, to_unsigned(w, UINT16_MAX));
        break;
    case BELAY_U8:
        STORE(uint8_t, to_unsigned(w, UINT8_MAX));
        break;
    case BELAY_BOOL:
        STORE(unsigned char, w.magnitude != 0);
        break;
    default:
        break;
    }
}

void belay_dtype_store(belay_dtype dtype, void *p, double value)
{
    switch (dtype) {
    case BELAY_F32:
        STORE(float, value);
        break;
    case BELAY_F64:
        STORE(double, value);
        break;
    case BELAY_F16:
        STORE(uint16_t, small_store(value, 10));
        break;
    case BELAY_BF16:
        STORE(uint16_t, small_store(value, 7));
        break;
    case BELAY_BOOL:
        STORE(unsigned char, value != 0);
        break;
    default:
        whole_store(dtype, p, whole_of_double(value));
        break;
    }
}

void belay_dtype_convert(belay_dtype from, const void *src, belay_dtype to, void *dst,
                         size_t count)
{
    const char *in = src;
    char *out = dst;
    size_t size_in = belay_dtype_size(from), size_out = belay_dtype_size(to);
    bool whole = belay_dtype_is_int(from) && belay_dtype_is_int(to);

    if (from == to && from != BELAY_BOOL) {
        if (count)
            memcpy(dst, src, count * size_in);
        return;
    }
    for (size_t i = 0; i < count; i++, in += size_in, out += size_out) {
        if (whole)
            whole_store(to, out, whole_load(from, in));
        else
            belay_dtype_store(to, out, belay_dtype_load(from, in));
    }
}
