#include "train/optimizer.h"

#include <string.h>

#include "train/own.h"

#define BELAY_OPTIMIZER(name) extern const struct belay_optimizer belay_optimizer_##name;
#include "train/optimizer/list.h"
#undef BELAY_OPTIMIZER

#define BELAY_OPTIMIZER(name) &belay_optimizer_##name,
const struct belay_optimizer *const belay_optimizers[] = {
#include "train/optimizer/list.h"
    NULL
};
#undef BELAY_OPTIMIZER

const struct belay_optimizer *belay_optimizer_at(size_t index)
{
    size_t num = sizeof(belay_optimizers) / sizeof(belay_optimizers[0]) - 1;
    return index < num ? belay_optimizers[index] : belay_own_optimizer_at(index - num);
}

const struct belay_optimizer *belay_optimizer_find(const char *name)
{
    const struct belay_optimizer *at;
    for (size_t i = 0; (at = belay_optimizer_at(i)); i++)
        if (strcmp(at->name, name) == 0)
            return at;
    return NULL;
}
