// A graph as a program on the case's device, in three calls.
#ifndef BELAY_TESTS_GOLDEN_PROGRAM_H
#define BELAY_TESTS_GOLDEN_PROGRAM_H

#include "device/program.h"
#include "golden/golden.h"

struct golden_program {
    struct belay_graph *graph;
    struct belay_plan *plan;
    struct belay_program *program;
};
// An empty training graph to build in.
belay_status golden_program_begin(struct golden_case *c, struct golden_program *p);
// Plan and program; then external values may be bound, before it is made ready.
belay_status golden_program_create(struct golden_case *c, struct golden_program *p);
belay_status golden_program_ready(struct golden_case *c, struct golden_program *p);
void golden_program_finish(struct golden_program *p); // safe on zeroed

#endif
