#include "op/line.h"

struct belay_lines belay_lines_of(const struct belay_shape *s, int axis)
{
    struct belay_lines lines = { .outer = 1, .n = 1, .inner = 1 };
    for (int i = 0; i < s->rank; i++) {
        if (i < axis)
            lines.outer *= s->dim[i];
        else if (i == axis)
            lines.n = s->dim[i];
        else
            lines.inner *= s->dim[i];
    }
    return lines;
}

// The choice depends on shapes and the family alone, so that sums keep their order.
struct belay_line_plan belay_line_plan(const struct belay_profile *profile, int64_t count,
                                       int64_t n, int64_t inner)
{
    struct belay_line_plan plan = { .group = 0, .per = 1, .local = 1 };

    if (profile->cpu) { // some thousand elements a work-item: one costs about a microsecond
        int64_t per = 2048 / (n > 0 ? n : 1);
        plan.per = (size_t) (per < 1 ? 1 : per > count ? count : per);
    } else if (inner == 1 && n >= 64) {
        size_t group = n >= 1024 ? 256 : 64;
        while (group > profile->max_group)
            group /= 2;
        plan.group = group;
    } else {
        plan.local = profile->max_group < 64 ? profile->max_group : 64;
    }
    return plan;
}

void belay_line_range(struct belay_launch *l, const struct belay_line_plan *plan, int64_t count)
{
    if (plan->group)
        belay_launch_range(l, (size_t) count * plan->group, plan->group);
    else
        belay_launch_range(l, ((size_t) count + plan->per - 1) / plan->per, plan->local);
}
