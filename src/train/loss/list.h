// Every loss, one line each, by name.
// BELAY_LOSS(name) stands for `extern const struct belay_loss belay_loss_name`.
BELAY_LOSS(bce_with_logits)
BELAY_LOSS(cross_entropy)
BELAY_LOSS(huber)
BELAY_LOSS(l1)
BELAY_LOSS(mse)
BELAY_LOSS(smooth_l1)
