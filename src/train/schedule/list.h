// Every schedule, one line each, by name.
// BELAY_SCHEDULE(name) stands for `extern const struct belay_schedule belay_schedule_name`.
BELAY_SCHEDULE(constant)
BELAY_SCHEDULE(cosine)
BELAY_SCHEDULE(cosine_restarts)
BELAY_SCHEDULE(cyclic)
BELAY_SCHEDULE(exponential)
BELAY_SCHEDULE(linear)
BELAY_SCHEDULE(multistep)
BELAY_SCHEDULE(one_cycle)
BELAY_SCHEDULE(plateau)
BELAY_SCHEDULE(polynomial)
BELAY_SCHEDULE(step)
