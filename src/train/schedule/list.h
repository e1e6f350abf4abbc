// Every schedule, one line each, by name.
// BELAY_SCHEDULE(name) stands for `extern const struct belay_schedule belay_schedule_name`.
BELAY_SCHEDULE(constant)
BELAY_SCHEDULE(cosine)
BELAY_SCHEDULE(plateau)
BELAY_SCHEDULE(step)
