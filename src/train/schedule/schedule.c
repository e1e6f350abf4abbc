#include "train/schedule.h"

#include <math.h>
#include <string.h>

#define BELAY_SCHEDULE(name) extern const struct belay_schedule belay_schedule_##name;
#include "train/schedule/list.h"
#undef BELAY_SCHEDULE

#define BELAY_SCHEDULE(name) &belay_schedule_##name,
const struct belay_schedule *const belay_schedules[] = {
#include "train/schedule/list.h"
    NULL
};
#undef BELAY_SCHEDULE

const struct belay_schedule *belay_schedule_find(const char *name)
{
    for (const struct belay_schedule *const *s = belay_schedules; *s; s++)
        if (strcmp((*s)->name, name) == 0)
            return *s;
    return NULL;
}

double belay_schedule_part_rate(const struct belay_schedule_part *part, double base, uint64_t step)
{
    const struct belay_schedule_state none = { { 0 } };
    return part->schedule->rate(part->options, &none, base, step);
}

double belay_schedule_rate(const struct belay_schedule *s, const double *options,
                           const struct belay_schedule_parts *parts,
                           const struct belay_schedule_state *state, double base, double warmup,
                           uint64_t step)
{
    if ((double) step < warmup)
        return base * ((double) step + 1) / warmup;
    step -= (uint64_t) (warmup > 0 ? warmup : 0);
    return s->join ? s->join(parts, base, step) : s->rate(options, state, base, step);
}

double belay_schedule_momentum(const struct belay_schedule *s, const double *options,
                               double warmup, uint64_t step)
{
    uint64_t before = (uint64_t) (warmup > 0 ? warmup : 0);
    return s->momentum ? s->momentum(options, step > before ? step - before : 0) : NAN;
}
