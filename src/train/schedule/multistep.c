// multistep: base * gamma^(number of milestones passed).
#include <math.h>

#include "train/schedule.h"

enum { GAMMA, AT1, AT2, AT3, AT4, AT5, AT6, AT7, AT8 };

static double rate(const double *options, const struct belay_schedule_state *state, double base,
                   uint64_t step)
{
    int passed = 0;
    for (int i = AT1; i <= AT8; i++)
        passed += options[i] > 0 && (double) step >= options[i];
    return base * pow(options[GAMMA], passed);
}

extern const struct belay_schedule belay_schedule_multistep;
const struct belay_schedule belay_schedule_multistep = {
    .name = "multistep",
    .help = "multiplies the rate by gamma at each of up to 8 milestones",
    .options = {
        [GAMMA] = { "gamma", "float", 0.1, "factor from one rate to the next" },
        [AT1] = { "at1", "steps", 0, "first milestone; 0: none" },
        [AT2] = { "at2", "steps", 0, "second milestone; 0: none" },
        [AT3] = { "at3", "steps", 0, "third milestone; 0: none" },
        [AT4] = { "at4", "steps", 0, "fourth milestone; 0: none" },
        [AT5] = { "at5", "steps", 0, "fifth milestone; 0: none" },
        [AT6] = { "at6", "steps", 0, "sixth milestone; 0: none" },
        [AT7] = { "at7", "steps", 0, "seventh milestone; 0: none" },
        [AT8] = { "at8", "steps", 0, "eighth milestone; 0: none" },
    },
    .rate = rate,
};
