// The one place that reads the environment. An empty variable counts as unset.
#ifndef BELAY_BASE_ENV_H
#define BELAY_BASE_ENV_H

#include <stdbool.h>
#include <stddef.h>

struct belay_env_var {
    const char *name, *help;
};
// Ends with a NULL name; `belay --help` prints it.
extern const struct belay_env_var belay_env_vars[];

// The value of BELAY_DEVICE, BELAY_FUSION, ...; NULL when unset. The name must be in the table.
const char *belay_env(const char *name);
// XDG_CACHE_HOME/belay or HOME/.cache/belay; false when neither is set or it is too long.
bool belay_env_cache_dir(char *out, size_t size);

#endif
