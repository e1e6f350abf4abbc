#!/usr/bin/env bash
# check_tensorboard.sh BELAY: the event files of a run, read by the real tensorboard of BELAY_PYTHON
# (default python3). Skipped where it is absent: it says so. test_tensorboard decodes them itself.
set -u
belay=$(realpath "${1:?the path of belay}")
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/check.sh
. tests/check.sh
python=${BELAY_PYTHON:-python3}

if ! "$python" -c 'import tensorboard' 2>/dev/null; then
    skipped "EVENT FILES READ BY TENSORBOARD: $python has no tensorboard (set BELAY_PYTHON)"
    finish
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/recipe.yaml" <<'END'
model: {input: [2], layers: [{linear: 8, name: fc}, relu, {linear: 2}]}
data: {format: spirals, count: 200}
split: {validation: 0.2}
loss: cross_entropy
optimizer: {name: sgd, lr: 0.125}
train: {epochs: 2, batch: 40}
END
export BELAY_DEVICE=host
check "a run with event files" "$belay" train "$work/recipe.yaml" run.dir="$work/run" run.tensorboard=true
sleep 1 # the files of each process have the second in their names
check "and goes on" "$belay" resume "$work/run" train.epochs=3
python_check "$python" tests/read_events.py "$work/run"
finish
