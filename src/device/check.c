#include "device/check.h"

#include <stdarg.h>
#include <stdio.h>

static void tell(struct belay_checks *c, belay_doctor_verdict verdict, const char *section,
                 const char *name, const char *text)
{
    if (c->fn)
        c->fn(c->user, verdict, section, name, text);
}

void belay_checks_fact(struct belay_checks *c, const char *section, const char *name,
                       const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    tell(c, BELAY_DOCTOR_FACT, section, name, text);
}

void belay_checks_end(struct belay_checks *c, struct belay_device *dev, const char *section,
                      const char *name, belay_status status, const char *text)
{
    if (status == BELAY_OK) {
        c->counts.passed++;
        tell(c, BELAY_DOCTOR_PASSED, section, name, text);
        return;
    }
    c->counts.failed++;
    tell(c, BELAY_DOCTOR_FAILED, section, name, dev->log->last);
    dev->failed = BELAY_OK;
}

void belay_checks_skip(struct belay_checks *c, const char *section, const char *name,
                       const char *why)
{
    c->counts.skipped++;
    tell(c, BELAY_DOCTOR_SKIPPED, section, name, why);
}
