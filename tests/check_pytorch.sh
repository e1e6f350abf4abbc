#!/usr/bin/env bash
# check_pytorch.sh BELAY: weights between the command and the real torch, safetensors and numpy of
# BELAY_PYTHON (default python3). Skipped where they are absent: it says so.
set -u
belay=$(realpath "${1:?the path of belay}")
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/check.sh
. tests/check.sh
python=${BELAY_PYTHON:-python3}

if ! "$python" -c 'import numpy, safetensors.torch, torch' 2>/dev/null; then
    skipped "ROUND TRIPS WITH PYTORCH: $python has no torch, safetensors and numpy (set BELAY_PYTHON)"
    finish
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
BELAY_DEVICE=host python_check "$python" tests/pytorch.py "$belay" "$work"
finish
