// A run folder as a report needs it: what was logged, how it ended, with which settings.
#ifndef BELAY_REPORT_RUN_H
#define BELAY_REPORT_RUN_H

#include "base/mem.h"
#include "format/json.h"
#include "format/yaml.h"

// The numbers that a run logged under one name ("val.loss"), by step.
struct belay_series {
    const char *name;
    size_t count, capacity;
    double *step, *value; // a null of the log is NaN
};
// One setting of the resolved recipe ("optimizer.lr"); lists as one text.
struct belay_setting {
    const char *name, *text;
};
struct belay_run {
    struct belay_arena arena; // of the names and texts
    const char *dir;
    struct belay_series *series;
    size_t num_series, series_capacity;
    struct belay_setting *settings;
    size_t num_settings, settings_capacity;
    char *recipe;                 // resolved.yaml, NULL without
    struct belay_json_doc result; // root NULL: the run has not ended
    double seconds;               // in training, all processes; NaN: not known
    double first_seconds, first_step; // until the first check; NaN: not known
    double step, epoch;           // of the last line
    const char *monitor;          // "val.loss"
    double best, best_step;       // of the monitored value; NaN: none
    bool has_nan;                 // a logged value was not finite
};
// A folder without metrics.jsonl is an error; all other files may be missing (a run under way).
belay_status belay_run_read(struct belay_log *log, const char *dir, struct belay_run *out);
void belay_run_finish(struct belay_run *run); // safe on zeroed
const struct belay_series *belay_run_series(const struct belay_run *run, const char *name);
const char *belay_run_setting(const struct belay_run *run, const char *name); // NULL: none
// Settings in which the runs differ, in the order of the first run; at most `room`.
size_t belay_runs_differ(const struct belay_run *runs, size_t num, const char **names, size_t room);

#endif
