#include "golden/program.h"

belay_status golden_program_begin(struct golden_case *c, struct golden_program *p)
{
    *p = (struct golden_program){ .graph = NULL };
    return belay_graph_new(c->log, true, &p->graph);
}

belay_status golden_program_create(struct golden_case *c, struct golden_program *p)
{
    BELAY_TRY(belay_graph_check(p->graph));
    BELAY_TRY(belay_graph_optimize(p->graph));
    const struct belay_plan_params params = { .align = c->device->align };
    BELAY_TRY(belay_plan_create(c->log, p->graph, &params, &p->plan));
    const struct belay_program_params program = { .device = c->device, .plan = p->plan };
    return belay_program_create(&program, &p->program);
}

belay_status golden_program_ready(struct golden_case *c, struct golden_program *p)
{
    if (!p->program)
        BELAY_TRY(golden_program_create(c, p));
    return belay_program_ready(p->program);
}

void golden_program_finish(struct golden_program *p)
{
    belay_program_destroy(&p->program);
    belay_plan_destroy(&p->plan);
    belay_graph_destroy(&p->graph);
}
