#include <belay/status.h>

static const char *const names[BELAY_STATUS_COUNT] = {
    [BELAY_OK] = "ok",
    [BELAY_ERR_ARG] = "argument",
    [BELAY_ERR_NOMEM] = "memory",
    [BELAY_ERR_IO] = "io",
    [BELAY_ERR_DATA] = "data",
    [BELAY_ERR_RECIPE] = "recipe",
    [BELAY_ERR_SHAPE] = "shape",
    [BELAY_ERR_NO_DEVICE] = "no-device",
    [BELAY_ERR_DEVICE] = "device",
    [BELAY_ERR_UNSUPPORTED] = "unsupported",
    [BELAY_ERR_DIVERGED] = "diverged",
    [BELAY_ERR_CANCELLED] = "cancelled",
    [BELAY_ERR_DAMAGED] = "damaged",
    [BELAY_ERR_MISMATCH] = "mismatch",
    [BELAY_ERR_EXISTS] = "exists",
};

const char *belay_status_name(belay_status status)
{
    unsigned index = (unsigned) status;
    return index < BELAY_STATUS_COUNT ? names[index] : "unknown";
}

const char *belay_version(void)
{
    return BELAY_VERSION;
}
