// Ops that work along one axis: a tensor seen as lines of n elements, `inner` apart.
#ifndef BELAY_OP_LINE_H
#define BELAY_OP_LINE_H

#include "op/op.h"

struct belay_lines {
    int64_t outer, n, inner;
};
struct belay_lines belay_lines_of(const struct belay_shape *s, int axis);
// How a kernel runs over `count` lines of n elements.
// group 0: a work-item does `per` lines one after the other, groups of `local` work-items;
// otherwise a group of that many work-items does one line together.
struct belay_line_plan {
    size_t group, per, local;
};
struct belay_line_plan belay_line_plan(const struct belay_profile *profile, int64_t count,
                                       int64_t n, int64_t inner);
// Range of a plan: (count, per) have been given to the kernel, or a group a line.
void belay_line_range(struct belay_launch *l, const struct belay_line_plan *plan, int64_t count);

#endif
