// Initialisers. fan_in and fan_out are the numbers of inputs and outputs of one unit.
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"
#include "model/layer.h"

static struct belay_init make(enum belay_init_kind kind, double scale)
{
    return (struct belay_init){ kind, scale };
}

static struct belay_init zero_bias(double fan_in)
{
    (void) fan_in;
    return make(BELAY_INIT_ZEROS, 0);
}

// PyTorch's nn.Linear: kaiming_uniform with a = sqrt(5), which is +-1 / sqrt(fan_in).
static struct belay_init default_weight(double fan_in, double fan_out, double std)
{
    (void) fan_out, (void) std;
    return make(BELAY_INIT_UNIFORM, 1 / sqrt(fan_in));
}

static struct belay_init default_bias(double fan_in)
{
    return make(BELAY_INIT_UNIFORM, 1 / sqrt(fan_in));
}

static struct belay_init kaiming_uniform(double fan_in, double fan_out, double std)
{
    (void) fan_out, (void) std;
    return make(BELAY_INIT_UNIFORM, sqrt(6 / fan_in));
}

static struct belay_init kaiming_normal(double fan_in, double fan_out, double std)
{
    (void) fan_out, (void) std;
    return make(BELAY_INIT_NORMAL, sqrt(2 / fan_in));
}

static struct belay_init xavier_uniform(double fan_in, double fan_out, double std)
{
    (void) std;
    return make(BELAY_INIT_UNIFORM, sqrt(6 / (fan_in + fan_out)));
}

static struct belay_init xavier_normal(double fan_in, double fan_out, double std)
{
    (void) std;
    return make(BELAY_INIT_NORMAL, sqrt(2 / (fan_in + fan_out)));
}

static struct belay_init normal(double fan_in, double fan_out, double std)
{
    (void) fan_in, (void) fan_out;
    return make(BELAY_INIT_NORMAL, std);
}

static struct belay_init zeros(double fan_in, double fan_out, double std)
{
    (void) fan_in, (void) fan_out, (void) std;
    return make(BELAY_INIT_ZEROS, 0);
}

#define INITIALIZER(id, text, weight_fn, bias_fn)                                                  \
    &(const struct belay_initializer)                                                              \
    {                                                                                              \
        .name = id, .help = text, .weight = weight_fn, .bias = bias_fn                             \
    }
const struct belay_initializer *const belay_initializers[] = {
    INITIALIZER("default", "PyTorch's: weight and bias uniform in +-1/sqrt(fan_in)",
                default_weight, default_bias),
    INITIALIZER("kaiming_uniform", "uniform in +-sqrt(6/fan_in), bias 0", kaiming_uniform,
                zero_bias),
    INITIALIZER("kaiming_normal", "normal with std sqrt(2/fan_in), bias 0", kaiming_normal,
                zero_bias),
    INITIALIZER("xavier_uniform", "uniform in +-sqrt(6/(fan_in+fan_out)), bias 0", xavier_uniform,
                zero_bias),
    INITIALIZER("xavier_normal", "normal with std sqrt(2/(fan_in+fan_out)), bias 0",
                xavier_normal, zero_bias),
    INITIALIZER("normal", "normal with std `std`, bias 0", normal, zero_bias),
    INITIALIZER("zeros", "all 0", zeros, zero_bias),
    NULL
};

const struct belay_initializer *belay_initializer_find(const char *name)
{
    for (const struct belay_initializer *const *i = belay_initializers; *i; i++)
        if (strcmp((*i)->name, name) == 0)
            return *i;
    return NULL;
}

void belay_init_fill(const struct belay_model_param *param, uint64_t seed, float *out)
{
    struct belay_rng rng;
    size_t count = (size_t) belay_shape_count(&param->shape);
    double scale = param->init.scale;
    belay_rng_init(&rng, seed, belay_hash_text(param->name));
    for (size_t i = 0; i < count; i++) {
        if (param->init.kind == BELAY_INIT_ZEROS)
            out[i] = 0;
        else if (param->init.kind == BELAY_INIT_CONSTANT)
            out[i] = (float) scale;
        else if (param->init.kind == BELAY_INIT_UNIFORM)
            out[i] = (float) (scale * (2 * belay_rng_uniform(&rng) - 1));
        else
            out[i] = (float) (scale * belay_rng_normal(&rng));
    }
}
