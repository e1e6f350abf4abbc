#include "train/optimizer.h"

#include <string.h>

#define BELAY_OPTIMIZER(name) extern const struct belay_optimizer belay_optimizer_##name;
#include "train/optimizer/list.h"
#undef BELAY_OPTIMIZER

#define BELAY_OPTIMIZER(name) &belay_optimizer_##name,
const struct belay_optimizer *const belay_optimizers[] = {
#include "train/optimizer/list.h"
    NULL
};
#undef BELAY_OPTIMIZER

const struct belay_optimizer *belay_optimizer_find(const char *name)
{
    for (const struct belay_optimizer *const *o = belay_optimizers; *o; o++)
        if (strcmp((*o)->name, name) == 0)
            return *o;
    return NULL;
}
