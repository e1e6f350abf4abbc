// Does what the newest checkpoint of a run refers to lie beside it? For `belay verify`; opens no device.
#include <belay/trainer.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "device/context.h"
#include "format/json.h"
#include "train/checkpoint.h"

// Takes `text`.
static belay_status tell(belay_run_refs *out, bool good, struct belay_str *text)
{
    belay_run_ref *ref = &out->list[out->count++];
    ref->good = good;
    snprintf(ref->text, sizeof(ref->text), "%s", text->text ? text->text : "");
    belay_status status = text->failed ? BELAY_ERR_NOMEM : BELAY_OK;
    belay_str_free(text);
    return status;
}

// The file of a best must be whole and the very one that the checkpoint was written for.
static belay_status check_best(const struct belay_run_paths *p, uint64_t of, uint64_t step,
                               const char *digest, belay_run_refs *out)
{
    struct belay_log quiet = { 0 };
    struct belay_st st = { 0 };
    struct belay_str text = { 0 };
    char *path = belay_checkpoint_path(p, "best", step);
    belay_status status = path ? belay_st_read(&quiet, path, &st) : BELAY_ERR_NOMEM;
    const char *found = status == BELAY_OK ? belay_st_meta(&st, "belay.digest") : NULL;
    bool good = found && strcmp(found, digest) == 0;
    if (status == BELAY_ERR_NOMEM) {
        belay_free(path);
        return status;
    }
    if (good)
        belay_str_addf(&text, "%s is the best of the checkpoint of step %llu", path,
                 (unsigned long long) of);
    else if (status != BELAY_OK)
        belay_str_addf(&text, "the checkpoint of step %llu refers to a best of step %llu: %s",
                 (unsigned long long) of, (unsigned long long) step, quiet.last);
    else
        belay_str_addf(&text, "%s has digest %s, the checkpoint of step %llu refers to %s",
                 path, found ? found : "none", (unsigned long long) of, digest);
    status = tell(out, good, &text);
    belay_st_finish(&st);
    belay_free(path);
    return status;
}

static belay_status check_log(const struct belay_run_paths *p, uint64_t of, uint64_t want,
                      belay_run_refs *out)
{
    struct belay_log quiet = { 0 };
    struct belay_str text = { 0 };
    uint64_t size = 0;
    bool there = belay_file_exists(p->metrics) &&
                 belay_file_size(&quiet, p->metrics, &size) == BELAY_OK;
    belay_str_addf(&text, "%s %s %llu bytes, the checkpoint of step %llu refers to %llu",
             p->metrics, there ? "has" : "is not there:", (unsigned long long) size,
             (unsigned long long) of, (unsigned long long) want);
    return tell(out, size >= want, &text);
}

static belay_status check_state(struct belay_log *log, const struct belay_run_paths *p,
                                uint64_t step, const char *state, belay_run_refs *out)
{
    struct belay_json_doc doc = { 0 };
    BELAY_TRY(belay_json_parse(log, "belay.state", state, strlen(state), &doc));
    const struct belay_json *bests = belay_json_get(doc.root, "bests");
    belay_status status = BELAY_OK;
    if (bests && bests->first)
        status = check_best(p, step, belay_json_int_or(bests->first, "step", 0),
                            belay_json_string_or(doc.root, "best_digest", ""), out);
    if (status == BELAY_OK)
        status = check_log(p, step, belay_json_int_or(doc.root, "log_length", 0), out);
    if (status != BELAY_OK)
        belay_fail_nomem(log, 1);
    belay_json_finish(&doc);
    return status;
}

static belay_status no_state(belay_run_refs *out)
{
    struct belay_str text = { 0 };
    belay_str_add(&text, "the newest checkpoint has no state of a run");
    return tell(out, false, &text);
}

belay_status belay_run_verify(belay_ctx *ctx, const char *run_dir, belay_run_refs *out)
{
    struct belay_run_paths p;
    struct belay_st st = { 0 };
    uint64_t step = 0;
    bool found = false;
    memset(out, 0, sizeof(*out));
    BELAY_TRY(belay_run_paths_init(&ctx->log, run_dir, &p));
    belay_status status = belay_checkpoint_newest(&ctx->log, &p, &st, &step, &found);
    if (status == BELAY_OK && found) {
        const char *state = belay_st_meta(&st, "belay.state");
        if (state)
            status = check_state(&ctx->log, &p, step, state, out);
        else
            status = no_state(out);
    }
    belay_st_finish(&st);
    belay_run_paths_finish(&p);
    return status;
}
