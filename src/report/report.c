// Reads the runs, makes the report, hands it over.
#include "report/report.h"

#include <string.h>

#include "base/file.h"
#include "device/context.h"

static const struct belay_report *const kinds[] = { &belay_report_html, &belay_report_table,
                                                    &belay_report_json };
#define NUM_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static belay_status find_kind(struct belay_log *log, const char *name,
                              const struct belay_report **out)
{
    for (size_t i = 0; i < NUM_KINDS; i++) {
        if (belay_str_equal(kinds[i]->name, name)) {
            *out = kinds[i];
            return BELAY_OK;
        }
    }
    return belay_fail(log, BELAY_ERR_ARG, "no report of kind '%s': html, table or json",
                      name ? name : "");
}

static belay_status hand_over(struct belay_log *log, const belay_report_params *p,
                              const struct belay_str *text)
{
    if (text->failed || !text->text)
        return belay_fail_nomem(log, text->length);
    if (p->path)
        return belay_file_write(log, p->path, text->text, text->length);
    if (p->fn && !p->fn(p->user, text->text, text->length))
        return belay_fail(log, BELAY_ERR_CANCELLED, "the report was not taken");
    return BELAY_OK;
}

// Those that can be read, if any can: one damaged folder of `runs/*` must not hide the others.
static belay_status read_runs(struct belay_log *log, const belay_report_params *p,
                              struct belay_run *runs, size_t *num)
{
    belay_status status = BELAY_OK, last = BELAY_OK;
    struct belay_log quiet = { 0 };
    for (size_t i = 0; i < p->num_runs; i++) {
        struct belay_log *to = p->num_runs > 1 ? &quiet : log;
        status = belay_run_read(to, p->runs[i], &runs[*num]);
        if (status == BELAY_OK) {
            ++*num;
            continue;
        }
        last = status;
        if (p->num_runs > 1)
            belay_say(log, BELAY_LOG_WARN, "left out: %s", quiet.last);
    }
    if (*num > 0)
        return BELAY_OK;
    return p->num_runs == 1 ? last : belay_fail(log, last, "none of the %zu runs could be read; the "
                                                "last: %s", p->num_runs, quiet.last);
}

belay_status belay_report_write(belay_ctx *ctx, const belay_report_params *p)
{
    struct belay_run runs[BELAY_REPORT_RUNS];
    const struct belay_report *kind = NULL;
    struct belay_str text = { 0 };
    size_t num = 0;
    BELAY_TRY(find_kind(&ctx->log, p->kind, &kind));
    if (p->num_runs < 1 || p->num_runs > BELAY_REPORT_RUNS)
        return belay_fail(&ctx->log, BELAY_ERR_ARG, "a report of %zu runs: 1 to %d are wanted",
                          p->num_runs, BELAY_REPORT_RUNS);
    belay_status status = read_runs(&ctx->log, p, runs, &num);
    if (status == BELAY_OK)
        status = kind->write(ctx, p, runs, num, &text);
    if (status == BELAY_OK)
        status = hand_over(&ctx->log, p, &text);
    for (size_t i = 0; i < num; i++)
        belay_run_finish(&runs[i]);
    belay_str_free(&text);
    return status;
}
