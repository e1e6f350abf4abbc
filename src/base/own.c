#include "base/own.h"

#include <string.h>

struct belay_own *belay_own_find(const struct belay_own_list *list, const char *name)
{
    struct belay_own *at = atomic_load(&((struct belay_own_list *) list)->last);
    while (at && strcmp(at->name, name) != 0)
        at = at->next;
    return at;
}

struct belay_own *belay_own_at(const struct belay_own_list *list, size_t index)
{
    struct belay_own *at = atomic_load(&((struct belay_own_list *) list)->last);
    while (at && at->index != index)
        at = at->next;
    return at;
}

struct belay_own *belay_own_add(struct belay_own_list *list, struct belay_own *item)
{
    struct belay_own *last = atomic_load(&list->last);
    do { // again when another thread was faster
        for (struct belay_own *at = last; at; at = at->next)
            if (strcmp(at->name, item->name) == 0)
                return at;
        item->next = last;
        item->index = last ? last->index + 1 : 0;
    } while (!atomic_compare_exchange_strong(&list->last, &last, item));
    return NULL;
}

belay_status belay_own_check_name(struct belay_log *log, const char *what, const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
    size_t length = name ? strlen(name) : 0;
    if (length == 0 || length >= BELAY_OWN_NAME || strspn(name, letters) != length ||
        (name[0] >= '0' && name[0] <= '9'))
        return belay_fail(log, BELAY_ERR_ARG,
                          "%s '%.40s': want a name of 1 to %d lower-case letters, digits and '_'",
                          what, name ? name : "", BELAY_OWN_NAME - 1);
    return BELAY_OK;
}
