// Made data: spirals that wind round each other in the plane, one a class. Point i of a part
// belongs to class i % classes. With r = sqrt(u), u drawn from [0, 1), it lies at the distance
// RADIUS * r from the middle and the angle 2 pi (TURNS * r + class / classes); `noise` is the
// standard deviation added to both axes.
#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "data/source.h"

#define TURNS 1.5 // each spiral winds round the middle so often
#define RADIUS 2.0
#define DEFAULT_COUNT 2000
#define MAX_CLASSES 3

static const double pi = 3.14159265358979323846;

static void make_points(struct belay_rng *rng, size_t rows, size_t classes, double noise, float *x,
                        int32_t *labels)
{
    for (size_t i = 0; i < rows; i++) {
        size_t c = i % classes;
        // The root spreads the points evenly over the disc.
        double r = sqrt(belay_rng_uniform(rng));
        double angle = 2 * pi * (TURNS * r + (double) c / (double) classes);
        double dx = belay_rng_normal(rng), dy = belay_rng_normal(rng);
        x[2 * i] = (float) (RADIUS * r * cos(angle) + noise * dx);
        x[2 * i + 1] = (float) (RADIUS * r * sin(angle) + noise * dy);
        labels[i] = (int32_t) c;
    }
}

static belay_status make_part(struct belay_log *log, const struct belay_dataset_params *params,
                              enum belay_data_files part, bool need_target, struct belay_raw *out)
{
    (void) need_target;
    bool train = part == BELAY_FILES_TRAIN;
    size_t classes = params->classes ? params->classes : 2;
    size_t count = params->count ? params->count : DEFAULT_COUNT;
    size_t rows = train ? count : count / 4; // as many again to test on as a fourth
    struct belay_rng rng;
    struct belay_shape x = { 2, { (int64_t) rows, 2 } }, y = { 1, { (int64_t) rows } };
    if (classes < 2 || classes > MAX_CLASSES)
        return belay_fail(log, BELAY_ERR_RECIPE, "data: spirals have 2 or 3 classes, not %zu",
                          classes);
    if (count > INT32_MAX || rows < classes)
        return belay_fail(log, BELAY_ERR_RECIPE, "data: %zu spiral points are too %s", count,
                          count > INT32_MAX ? "many" : "few");
    BELAY_TRY(belay_tensor_init(log, &out->x, BELAY_F32, &x));
    BELAY_TRY(belay_tensor_init(log, &out->y, BELAY_I32, &y));
    belay_rng_init(&rng, params->seed,
                   belay_hash_text(train ? "data.spirals.train" : "data.spirals.test"));
    make_points(&rng, rows, classes, params->noise, out->x.data, out->y.data);
    return BELAY_OK;
}

const struct belay_source belay_source_spirals = {
    .name = "spirals",
    .help = "made data: `count` points on 2 or 3 spirals (`classes`), with `noise`, from `seed`",
    .read = make_part,
};
