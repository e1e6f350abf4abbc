// chained: the product of the factors that several schedules put on the base rate; with schedules
// that only multiply the rate this is PyTorch's ChainedScheduler.
#include "train/schedule.h"

static double join(const struct belay_schedule_parts *parts, double base, uint64_t step)
{
    double rate = base;
    for (int i = 0; i < parts->num && base != 0; i++)
        rate *= belay_schedule_part_rate(&parts->part[i], base, step) / base;
    return rate;
}

extern const struct belay_schedule belay_schedule_chained;
const struct belay_schedule belay_schedule_chained = {
    .name = "chained",
    .help = "several schedules at once, `parts`: their factors on the base rate are multiplied",
    .join = join,
};
