// Every metric, one line each, by name. The loss is always reported and is not among them.
// BELAY_METRIC(name) stands for `extern const struct belay_metric belay_metric_name`.
BELAY_METRIC(accuracy)
BELAY_METRIC(f1)
BELAY_METRIC(mae)
BELAY_METRIC(mse)
BELAY_METRIC(precision)
BELAY_METRIC(r2)
BELAY_METRIC(recall)
