// Named things that a program adds while it runs, beside those of the library's lists. They stay
// until the process ends. Any thread.
#ifndef BELAY_BASE_OWN_H
#define BELAY_BASE_OWN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"

// First member of what is added.
struct belay_own {
    const char *name;
    struct belay_own *next; // the one that was added before
    size_t index;           // from 0
};
struct belay_own_list {
    _Atomic(struct belay_own *) last;
};

struct belay_own *belay_own_find(const struct belay_own_list *list, const char *name);
struct belay_own *belay_own_at(const struct belay_own_list *list, size_t index); // or NULL
// NULL when it was added; else the one of the same name, which stays.
struct belay_own *belay_own_add(struct belay_own_list *list, struct belay_own *item);

// A name must be an identifier of lower-case letters, digits and '_'. `what` is "op".
#define BELAY_OWN_NAME 32
belay_status belay_own_check_name(struct belay_log *log, const char *what, const char *name);

#endif
