// The state of a run as JSON, exact: what goes into a checkpoint's metadata beside the arenas.
#include <math.h>
#include <string.h>

#include "format/json.h"
#include "train/trainer_internal.h"

#define VERSION 1

void belay_str_add_number(struct belay_str *s, double value)
{
    if (isfinite(value))
        belay_str_add_double(s, value);
    else
        belay_str_add(s, "null");
}

static void add_u64(struct belay_str *s, const char *key, uint64_t value)
{
    belay_str_addf(s, ",\"%s\":%llu", key, (unsigned long long) value);
}

static void add_double(struct belay_str *s, const char *key, double value)
{
    belay_str_addf(s, ",\"%s\":", key);
    belay_str_add_number(s, value);
}

static void add_bests(struct belay_str *s, const char *key, const struct best *list, int num)
{
    belay_str_addf(s, ",\"%s\":[", key);
    for (int i = 0; i < num; i++) {
        belay_str_addf(s, "%s{\"step\":%llu,\"value\":", i ? "," : "",
                       (unsigned long long) list[i].step);
        belay_str_add_number(s, list[i].value);
        belay_str_add(s, "}");
    }
    belay_str_add(s, "]");
}

static void add_watches(const struct train_state *s, const struct belay_trainer *t,
                        struct belay_str *out)
{
    belay_str_add(out, ",\"watches\":[");
    for (int i = 0; i < t->recipe->num_watches; i++) {
        belay_str_add(out, i ? "," : "");
        belay_monitor_to_json(&s->watches[i], out);
    }
    belay_str_add(out, "]");
}

void belay_state_to_json(const struct train_state *s, const struct belay_trainer *t,
                         struct belay_str *out)
{
    belay_str_addf(out, "{\"version\":%d", VERSION);
    add_u64(out, "step", s->step);
    add_u64(out, "steps_per_epoch", t->steps_per_epoch);
    add_double(out, "loss_sum", s->loss_sum);
    add_u64(out, "loss_count", s->loss_count);
    add_double(out, "last_norm", s->last_norm);
    add_u64(out, "log_length", s->log_length);
    belay_str_addf(out, ",\"data\":\"%s\",\"device\":", t->data.digest.hex);
    belay_str_add_json(out, t->ctx->device->identity);
    belay_str_add(out, ",\"monitor\":");
    belay_monitor_to_json(&s->monitor, out);
    add_watches(s, t, out);
    add_u64(out, "rollbacks", s->rollbacks);
    add_u64(out, "optimizer_start", s->optimizer_start);
    belay_str_add(out, ",\"schedule\":[");
    for (int i = 0; i < 8; i++) {
        belay_str_add(out, i ? "," : "");
        belay_str_add_number(out, s->schedule.v[i]);
    }
    belay_str_add(out, "]");
    add_bests(out, "bests", s->bests, s->num_bests);
    if (t->recipe->num_best_of)
        add_bests(out, "best_of", s->best_of, BELAY_MAX_BEST_OF);
    belay_str_addf(out, ",\"best_digest\":\"%s\",\"check\":", s->best_digest);
    belay_str_add_json(out, s->check);
    belay_str_add(out, "}");
}

static belay_status read_bests(struct belay_trainer *t, const struct belay_json *list,
                               struct best *out, int max, int *num)
{
    *num = 0;
    for (const struct belay_json *e = list ? list->first : NULL; e; e = e->next) {
        if (*num == max)
            return belay_fail(t->log, BELAY_ERR_DAMAGED, "state: more than %d bests", max);
        out[*num].step = belay_json_int_or(e, "step", 0);
        out[*num].value = belay_json_number_or(e, "value", NAN);
        (*num)++;
    }
    return BELAY_OK;
}

static belay_status check_identity(struct belay_trainer *t, const struct belay_json *root)
{
    const char *data = belay_json_string_or(root, "data", "");
    const char *device = belay_json_string_or(root, "device", "");
    uint64_t version = belay_json_int_or(root, "version", 0);
    if (version != VERSION)
        return belay_fail(t->log, BELAY_ERR_UNSUPPORTED, "state: version %llu, want %d",
                          (unsigned long long) version, VERSION);
    if (strcmp(data, t->data.digest.hex) != 0)
        return belay_fail(t->log, BELAY_ERR_MISMATCH,
                          "the data changed since the checkpoint (fingerprint %s, was %s): resume "
                          "needs the same data",
                          t->data.digest.hex, data);
    if (strcmp(device, t->ctx->device->identity) != 0)
        belay_say(t->log, BELAY_LOG_WARN,
                  "the checkpoint was made on '%s', this is '%s': the run goes on, but not bit "
                  "for bit",
                  device, t->ctx->device->identity);
    uint64_t per_epoch = belay_json_int_or(root, "steps_per_epoch", 0);
    if (per_epoch != t->steps_per_epoch)
        belay_say(t->log, BELAY_LOG_WARN, "an epoch has %llu steps now, it had %llu",
                  (unsigned long long) t->steps_per_epoch, (unsigned long long) per_epoch);
    return BELAY_OK;
}

// Monitors that were not there when the checkpoint was made start anew.
static belay_status read_watches(struct belay_trainer *t, const struct belay_json *list,
                                 struct train_state *s)
{
    int i = 0;
    for (const struct belay_json *e = list ? list->first : NULL; e && i < BELAY_MAX_MONITORS - 1;
         e = e->next, i++)
        BELAY_TRY(belay_monitor_from_json(t->log, e, &s->watches[i]));
    return BELAY_OK;
}

static belay_status read_state(struct belay_trainer *t, const struct belay_json *root)
{
    struct train_state s = t->s;
    BELAY_TRY(check_identity(t, root));
    s.step = belay_json_int_or(root, "step", 0);
    s.loss_sum = belay_json_number_or(root, "loss_sum", NAN);
    s.loss_count = belay_json_int_or(root, "loss_count", 0);
    s.last_norm = belay_json_number_or(root, "last_norm", NAN);
    s.log_length = belay_json_int_or(root, "log_length", 0);
    BELAY_TRY(belay_monitor_from_json(t->log, belay_json_get(root, "monitor"), &s.monitor));
    BELAY_TRY(read_watches(t, belay_json_get(root, "watches"), &s));
    s.rollbacks = belay_json_int_or(root, "rollbacks", 0);
    s.optimizer_start = belay_json_int_or(root, "optimizer_start", 0);
    const struct belay_json *list = belay_json_get(root, "schedule");
    int i = 0;
    for (const struct belay_json *v = list ? list->first : NULL; v && i < 8; v = v->next)
        s.schedule.v[i++] = v->kind == BELAY_JSON_NULL ? NAN : v->number;
    BELAY_TRY(read_bests(t, belay_json_get(root, "bests"), s.bests, MAX_BESTS, &s.num_bests));
    int num_best_of;
    BELAY_TRY(read_bests(t, belay_json_get(root, "best_of"), s.best_of, BELAY_MAX_BEST_OF,
                         &num_best_of));
    const char *digest = belay_json_string_or(root, "best_digest", "");
    memset(s.best_digest, 0, sizeof(s.best_digest));
    memcpy(s.best_digest, digest, strlen(digest) < 32 ? strlen(digest) : 32);
    const char *check = belay_json_string_or(root, "check", "");
    if (strlen(check) >= CHECK_TEXT)
        return belay_fail(t->log, BELAY_ERR_DAMAGED, "state: check has %zu bytes", strlen(check));
    strcpy(s.check, check);
    t->s = s;
    return BELAY_OK;
}

belay_status belay_state_from_json(struct belay_trainer *t, const char *text)
{
    struct belay_json_doc doc = { 0 };
    belay_status status = belay_json_parse(t->log, "belay.state", text, strlen(text), &doc);
    if (status == BELAY_OK)
        status = read_state(t, doc.root);
    belay_json_finish(&doc);
    return status;
}
