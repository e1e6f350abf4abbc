// Every operator, one line each, by name.
// BELAY_OP(name) stands for `extern const struct belay_op belay_op_name`.
