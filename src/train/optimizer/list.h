// Every optimizer, one line each, by name.
// BELAY_OPTIMIZER(name) stands for `extern const struct belay_optimizer belay_optimizer_name`.
BELAY_OPTIMIZER(adam)
BELAY_OPTIMIZER(adamw)
BELAY_OPTIMIZER(sgd)
