// Every loss, one line each, by name.
// BELAY_LOSS(name) stands for `extern const struct belay_loss belay_loss_name`.
BELAY_LOSS(bce)
BELAY_LOSS(bce_with_logits)
BELAY_LOSS(cross_entropy)
BELAY_LOSS(hinge)
BELAY_LOSS(huber)
BELAY_LOSS(kl_div)
BELAY_LOSS(l1)
BELAY_LOSS(mse)
BELAY_LOSS(multi_margin)
BELAY_LOSS(nll)
BELAY_LOSS(smooth_l1)
BELAY_LOSS(soft_margin)
