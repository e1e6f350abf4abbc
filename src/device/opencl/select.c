// Which device a specification means. Never another one than named.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/opencl/cl.h"

static void add_device(struct belay_str *s, const struct belay_cl_entry *e)
{
    belay_str_addf(s, "%s%s = %s (%s, %s", s->length ? "; " : "", e->info.select, e->info.name,
                   e->info.platform, e->info.kind);
    if (e->info.same_as[0])
        belay_str_addf(s, ", the same device as %s", e->info.same_as);
    if (!e->info.usable)
        belay_str_add(s, ", not usable");
    belay_str_add(s, ")");
}

static belay_status fail_list(struct belay_log *log, const struct belay_cl_entry *list,
                              size_t count, const char *spec, const char *what)
{
    struct belay_str s = { 0 };
    for (size_t i = 0; i < count; i++)
        add_device(&s, &list[i]);
    belay_status status =
        belay_fail(log, BELAY_ERR_NO_DEVICE, "device 'opencl%s%s': %s; there is: %s",
                   *spec ? ":" : "", spec, what, s.text ? s.text : "nothing");
    belay_str_free(&s);
    return status;
}

static bool contains(const char *text, const char *part)
{
    size_t length = strlen(part);
    for (; *text; text++) {
        size_t i = 0;
        while (i < length && text[i] &&
               tolower((unsigned char) text[i]) == tolower((unsigned char) part[i]))
            i++;
        if (i == length)
            return true;
    }
    return false;
}

static bool all_digits(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isdigit((unsigned char) text[i]))
            return false;
    return length > 0 && length < 9;
}

static bool is_number(const char *spec)
{
    return all_digits(spec, strlen(spec));
}

static bool is_pair(const char *spec)
{
    const char *colon = strchr(spec, ':');
    return colon && all_digits(spec, (size_t) (colon - spec)) && is_number(colon + 1);
}

static bool is_kind(const char *spec)
{
    return strcmp(spec, "gpu") == 0 || strcmp(spec, "cpu") == 0 ||
           strcmp(spec, "accelerator") == 0;
}

// "0:1" in canonical digits, as in info.select.
static bool fits_pair(const struct belay_cl_entry *e, const char *spec)
{
    char select[64];
    snprintf(select, sizeof(select), "opencl:%d:%d", atoi(spec), atoi(strchr(spec, ':') + 1));
    return strcmp(select, e->info.select) == 0;
}

static bool fits(const struct belay_cl_entry *e, size_t index, const char *spec)
{
    if (is_number(spec))
        return index == (size_t) atoi(spec);
    if (is_pair(spec))
        return fits_pair(e, spec);
    return contains(e->info.name, spec) || contains(e->info.platform, spec);
}

static size_t find_best(const struct belay_cl_entry *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].info.best)
            return i;
    return count;
}

static uint64_t strength(const belay_device_info *info)
{
    return (uint64_t) info->compute_units * (info->clock_mhz ? info->clock_mhz : 1);
}

// The strongest of a kind; of equal ones the first.
static size_t find_kind(const struct belay_cl_entry *list, size_t count, const char *kind)
{
    size_t best = count;
    for (size_t i = 0; i < count; i++) {
        if (!list[i].info.usable || strcmp(list[i].info.kind, kind) != 0)
            continue;
        if (list[i].info.best)
            return i;
        if (best == count || strength(&list[i].info) > strength(&list[best].info))
            best = i;
    }
    return best;
}

static void say_chosen(struct belay_log *log, const struct belay_cl_entry *e, bool named,
                       size_t count)
{
    bool gpu = (e->type & CL_DEVICE_TYPE_GPU) != 0;
    const char *why = gpu ? "the GPU with the most compute and memory of its own"
                          : "no GPU was found, so the computation runs on the processor";
    belay_say(log, gpu || named ? BELAY_LOG_INFO : BELAY_LOG_WARN,
              "device %s: %s (%s), chosen from %zu: %s; BELAY_DEVICE names another",
              e->info.select, e->info.name, e->info.platform, count, why);
}

static belay_status choose(struct belay_log *log, const struct belay_cl_entry *list, size_t count,
                           const char *spec, size_t *out)
{
    size_t found = find_best(list, count);
    if (found == count)
        return fail_list(log, list, count, spec ? spec : "",
                         "none can be used (OpenCL 1.2 and a compiler are needed)");
    say_chosen(log, &list[found], spec != NULL, count);
    *out = found;
    return BELAY_OK;
}

static belay_status choose_kind(struct belay_log *log, const struct belay_cl_entry *list,
                                size_t count, const char *kind, size_t *out)
{
    size_t found = find_kind(list, count, kind);
    if (found == count)
        return fail_list(log, list, count, kind, "no usable device of this kind");
    belay_say(log, BELAY_LOG_INFO, "device %s: %s (%s)", list[found].info.select,
              list[found].info.name, list[found].info.platform);
    *out = found;
    return BELAY_OK;
}

belay_status belay_cl_select(struct belay_log *log, const struct belay_cl_entry *list,
                             size_t count, const char *spec, size_t *out)
{
    if (count == 0)
        return belay_fail(log, BELAY_ERR_NO_DEVICE,
                          "no OpenCL device was found: install a driver (for the processor: "
                          "pocl-opencl-icd); BELAY_DEVICE=host would use the slow reference");
    if (!spec || !*spec)
        return choose(log, list, count, spec, out);
    if (is_kind(spec))
        return choose_kind(log, list, count, spec, out);
    size_t found = count, num = 0;
    for (size_t i = 0; i < count; i++) {
        if (!fits(&list[i], i, spec))
            continue;
        found = i;
        num++;
    }
    if (num == 0)
        return fail_list(log, list, count, spec, "no such device");
    if (num > 1)
        return fail_list(log, list, count, spec, "several devices fit");
    if (!list[found].info.usable)
        return fail_list(log, list, count, spec,
                         "it cannot be used (OpenCL 1.2 and a compiler are needed)");
    *out = found;
    return BELAY_OK;
}
