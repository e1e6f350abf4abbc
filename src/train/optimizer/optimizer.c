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

int belay_optimizer_option(const struct belay_optimizer *opt, const char *name)
{
    for (int i = 0; i < BELAY_MAX_OPTIONS && opt->options[i].name; i++)
        if (strcmp(opt->options[i].name, name) == 0)
            return i;
    return -1;
}

int belay_optimizer_momentum(const struct belay_optimizer *opt)
{
    int beta1 = belay_optimizer_option(opt, "beta1");
    return beta1 >= 0 ? beta1 : belay_optimizer_option(opt, "momentum");
}
