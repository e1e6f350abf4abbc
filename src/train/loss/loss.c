#include "train/loss.h"

#include <string.h>

#define BELAY_LOSS(name) extern const struct belay_loss belay_loss_##name;
#include "train/loss/list.h"
#undef BELAY_LOSS

#define BELAY_LOSS(name) &belay_loss_##name,
const struct belay_loss *const belay_losses[] = {
#include "train/loss/list.h"
    NULL
};
#undef BELAY_LOSS

const struct belay_loss *belay_loss_find(const char *name)
{
    for (const struct belay_loss *const *at = belay_losses; *at; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return NULL;
}
