// sequential: one schedule after the other; each begins at its own step 0 and from the base rate,
// as PyTorch's SequentialLR.
#include "train/schedule.h"

static double join(const struct belay_schedule_parts *parts, double base, uint64_t step)
{
    int i = 0;
    while (i + 1 < parts->num && (double) step >= parts->part[i + 1].start)
        i++;
    return belay_schedule_part_rate(&parts->part[i], base,
                                    step - (uint64_t) parts->part[i].start);
}

extern const struct belay_schedule belay_schedule_sequential;
const struct belay_schedule belay_schedule_sequential = {
    .name = "sequential",
    .help = "one schedule after the other: `parts`, of which the next begins at each of `at`",
    .join = join,
    .starts = true,
};
