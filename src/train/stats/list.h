// Every kind of statistics, one line each, by name.
// BELAY_STATS(name) stands for `extern const struct belay_stats belay_stats_name`.
BELAY_STATS(confusion)
BELAY_STATS(regression)
