// Every optimizer, one line each, by name.
// BELAY_OPTIMIZER(name) stands for `extern const struct belay_optimizer belay_optimizer_name`.
BELAY_OPTIMIZER(adadelta)
BELAY_OPTIMIZER(adagrad)
BELAY_OPTIMIZER(adam)
BELAY_OPTIMIZER(adamax)
BELAY_OPTIMIZER(adamw)
BELAY_OPTIMIZER(asgd)
BELAY_OPTIMIZER(lion)
BELAY_OPTIMIZER(nadam)
BELAY_OPTIMIZER(radam)
BELAY_OPTIMIZER(rmsprop)
BELAY_OPTIMIZER(rprop)
BELAY_OPTIMIZER(sgd)
