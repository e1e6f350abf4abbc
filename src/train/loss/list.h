// Every loss, one line each, by name.
// BELAY_LOSS(name) stands for `extern const struct belay_loss belay_loss_name`.
BELAY_LOSS(cross_entropy)
BELAY_LOSS(mse)
