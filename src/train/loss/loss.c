#include "train/loss.h"

#include <string.h>

#include "train/own.h"

#define BELAY_LOSS(name) extern const struct belay_loss belay_loss_##name;
#include "train/loss/list.h"
#undef BELAY_LOSS

#define BELAY_LOSS(name) &belay_loss_##name,
const struct belay_loss *const belay_losses[] = {
#include "train/loss/list.h"
    NULL
};
#undef BELAY_LOSS

const struct belay_loss *belay_loss_at(size_t index)
{
    size_t num = sizeof(belay_losses) / sizeof(belay_losses[0]) - 1;
    return index < num ? belay_losses[index] : belay_own_loss_at(index - num);
}

const struct belay_loss *belay_loss_find(const char *name)
{
    const struct belay_loss *at;
    for (size_t i = 0; (at = belay_loss_at(i)); i++)
        if (strcmp(at->name, name) == 0)
            return at;
    return NULL;
}
