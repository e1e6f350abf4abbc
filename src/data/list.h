// Every source of data that a recipe can name, one line each, by name.
// BELAY_SOURCE(name) stands for `extern const struct belay_source belay_source_name`.
BELAY_SOURCE(csv)
BELAY_SOURCE(idx)
BELAY_SOURCE(npy)
BELAY_SOURCE(npz)
BELAY_SOURCE(spirals)
