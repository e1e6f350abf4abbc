// What a run folder says of its run, without opening a device: for `belay status`.
#include <belay/trainer.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "device/context.h"
#include "format/json.h"
#include "train/checkpoint.h"

// The last whole line of a file of JSON lines; false: there is none.
static bool last_line(const char *path, struct belay_json_doc *doc)
{
    struct belay_log quiet = { 0 };
    char *text = NULL, *end;
    size_t size = 0;
    bool good = false;
    memset(doc, 0, sizeof(*doc));
    if (!belay_file_exists(path) || belay_file_read(&quiet, path, 0, &text, &size) != BELAY_OK)
        return false;
    while (!good && (end = strrchr(text, '\n'))) {
        *end = '\0';
        const char *line = strrchr(text, '\n');
        line = line ? line + 1 : text;
        belay_json_finish(doc);
        good = belay_json_parse(&quiet, path, line, strlen(line), doc) == BELAY_OK;
    }
    belay_free(text);
    return good;
}

static void read_log(const struct belay_run_paths *p, belay_run_info *out)
{
    struct belay_json_doc doc;
    if (last_line(p->metrics, &doc)) {
        const struct belay_json *val = belay_json_get(doc.root, "val");
        const struct belay_json *train = belay_json_get(doc.root, "train");
        out->step = belay_json_int_or(doc.root, "step", 0);
        out->epoch = belay_json_number_or(doc.root, "epoch", 0);
        out->val_loss = val ? belay_json_number_or(val, "loss", NAN) : NAN;
        out->train_loss = train ? belay_json_number_or(train, "loss", NAN) : NAN;
    }
    belay_json_finish(&doc);
    if (last_line(p->timing, &doc))
        out->seconds = belay_json_number_or(doc.root, "seconds", 0);
    belay_json_finish(&doc);
}

static belay_status read_checkpoints(struct belay_log *log, const struct belay_run_paths *p,
                                     belay_run_info *out)
{
    struct belay_log quiet = { 0 };
    uint64_t *steps = NULL;
    BELAY_TRY(belay_checkpoint_steps(log, p, "step", &steps, &out->checkpoints));
    for (size_t i = out->checkpoints; i-- > 0;) {
        struct belay_json_doc doc = { 0 };
        char *path = belay_checkpoint_path(p, "step", steps[i]), *state = NULL;
        bool good = path && belay_checkpoint_state(&quiet, path, &state) == BELAY_OK &&
                    belay_json_parse(&quiet, path, state, strlen(state), &doc) == BELAY_OK;
        const struct belay_json *monitor = good ? belay_json_get(doc.root, "monitor") : NULL;
        if (good) {
            out->checkpoint_step = steps[i];
            out->best = monitor ? belay_json_number_or(monitor, "best", NAN) : NAN;
            out->best_step = monitor ? belay_json_int_or(monitor, "best_step", 0) : 0;
            out->step = steps[i] > out->step ? steps[i] : out->step;
        }
        belay_json_finish(&doc);
        belay_free(state);
        belay_free(path);
        if (good)
            break;
    }
    belay_free(steps);
    return BELAY_OK;
}

static void read_result(const struct belay_run_paths *p, belay_run_info *out)
{
    struct belay_log quiet = { 0 };
    struct belay_json_doc doc = { 0 };
    char *text = NULL;
    size_t size = 0;
    if (!belay_file_exists(p->result) ||
        belay_file_read(&quiet, p->result, 1 << 20, &text, &size) != BELAY_OK)
        return;
    if (belay_json_parse(&quiet, p->result, text, size, &doc) == BELAY_OK) {
        out->ended = true;
        out->best = belay_json_number_or(doc.root, "best", out->best);
        out->best_step = belay_json_int_or(doc.root, "best_step", out->best_step);
        snprintf(out->reason, sizeof(out->reason), "%s",
                 belay_json_string_or(doc.root, "reason", ""));
        snprintf(out->sentence, sizeof(out->sentence), "%s",
                 belay_json_string_or(doc.root, "sentence", ""));
    }
    belay_json_finish(&doc);
    belay_free(text);
}

belay_status belay_run_look(belay_ctx *ctx, const char *run_dir, belay_run_info *out)
{
    struct belay_run_paths p;
    *out = (belay_run_info){ .best = NAN, .val_loss = NAN, .train_loss = NAN };
    BELAY_TRY(belay_run_paths_init(&ctx->log, run_dir, &p));
    belay_status status = BELAY_OK;
    if (!belay_file_exists(p.resolved))
        status = belay_fail(&ctx->log, BELAY_ERR_IO,
                            "'%s' is no run folder: it has no resolved.yaml", run_dir);
    if (status == BELAY_OK) {
        out->running = belay_lock_held(p.lock);
        read_log(&p, out);
        status = read_checkpoints(&ctx->log, &p, out);
    }
    if (status == BELAY_OK && !out->running)
        read_result(&p, out);
    belay_run_paths_finish(&p);
    return status;
}
