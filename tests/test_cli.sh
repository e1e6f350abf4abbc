#!/bin/sh
# The command from outside: help, bad input with exit codes and messages, a run from end to end.
#   tests/test_cli.sh build/belay
# Takes the device from BELAY_DEVICE. Prints "N passed, N failed, N skipped" last.
belay=$(realpath "${1:?usage: test_cli.sh BELAY}")
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
export BELAY_TUNE="$tmp/tune.jsonl"
# LeakSanitizer dies now and then while a driver's threads end; leaks are looked for on the host.
if [ -n "$BELAY_TEST_SANITIZED" ] && [ "$BELAY_DEVICE" != host ]; then
    export ASAN_OPTIONS="$ASAN_OPTIONS:detect_leaks=0"
fi
passed=0 failed=0 skipped=0

pass() { passed=$((passed + 1)); }
fail()
{
    failed=$((failed + 1))
    echo "FAILED: $1"
    sed 's/^/    out: /' out | tail -5
    sed 's/^/    err: /' err | tail -5
}

# run EXIT TEXT ARGS...: the command must end with EXIT and say TEXT (a grep pattern).
run()
{
    want=$1 text=$2
    shift 2
    "$belay" "$@" >out 2>err </dev/null
    code=$?
    if [ $code -ne "$want" ]; then
        fail "belay $*: exit $code, want $want"
    elif [ -n "$text" ] && ! cat out err | grep -q -e "$text"; then
        fail "belay $*: does not say '$text'"
    else
        pass
    fi
}
# check NAME COMMAND...: the command must succeed.
check()
{
    name=$1
    shift
    # The output of the command before stays where it is: some checks read it.
    if "$@" >check.out 2>check.err; then pass; else fail "$name"; fi
}
is_json() { tail -1 "$1" | python3 -c 'import json, sys; json.loads(sys.stdin.read())'; }
has_python() { command -v python3 >/dev/null; }
check_json()
{
    if ! has_python; then
        skipped=$((skipped + 1))
    elif "$belay" "$@" >json 2>err && is_json json 2>>err; then
        pass
    else
        cp json out
        fail "belay $*: its last line is no JSON"
    fi
}

# ---- help ----
commands=$("$belay" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
check 'the help lists the commands' test "$(echo "$commands" | grep -cE '^(train|resume|eval|predict|manual)$')" = 5
for command in $commands; do
    run 0 "Options:" "$command" --help
    check_json "$command" --help --json
done
run 0 'Exit codes:' --help
run 0 '^belay [0-9]' --version
run 2 'Usage:'
check_json --help --json
run 2 "unknown command 'trian', did you mean 'train'?" trian
run 2 "unknown option '--dryrun', did you mean '--dry-run'?" train --dryrun x.yaml
run 2 'usage: belay train RECIPE' train
run 2 "is one argument too many" inspect a b
run 2 "say which file to predict" predict a
run 2 'usage: belay diff A B' diff a
run 2 "takes no value" train --json=1 x
run 2 "needs a value" predict x --out

# ---- config, recipes, devices ----
run 0 'train.batch .*int = 64' config
run 0 'label_smoothing' config cross_entropy
run 0 'stop.patience' config stop
run 2 "did you mean 'train.batch'?" config train.bach
check_json config --json
run 0 '^spirals ' recipes
run 0 'format: spirals' recipes spirals
run 2 "did you mean 'spirals'?" recipes spirols
check_json recipes --json
run 0 'select .*BELAY_DEVICE=host' devices
check_json devices --json

# ---- doctor ----
run 0 '[0-9]* passed, 0 failed, [0-9]* skipped' doctor --quick
check 'doctor says its version' grep -q 'belay .*version: ' out
check_json doctor --quick --json

# ---- tune ----
run 2 "'soon' is no time, want one such as 60s or 2m" tune --budget soon
if [ "$BELAY_DEVICE" = host ]; then
    run 1 'no limits to measure' tune
else
    run 0 'GF/s' tune --budget 1s --export tuned.jsonl
    check 'tune writes its file' grep -q '"kind":"limits"' tuned.jsonl
    check_json tune --budget 1s --import tuned.jsonl --json
    echo '{' >damaged.jsonl
    run 7 'damaged.jsonl: line 1: no JSON' tune --budget 1s --import damaged.jsonl
fi

# ---- bench ----
run 0 '"workload": "tiny"' bench tiny
check_json bench tiny --quiet
run 2 'cnn needs conv2d and max_pool2d: not there yet' bench cnn
run 2 "unknown workload 'tny', did you mean 'tiny'?" bench tny
run 0 'kernels alone' bench tiny --per-op
check_json bench tiny --per-op --json

# ---- data to train on ----
"$belay" recipes spirals >spirals.yaml
awk 'BEGIN {
    print "x,y,colour,class"
    for (i = 0; i < 120; i++) {
        c = i % 3
        printf "%g,%g,%s,%s\n", c + (i * 7 % 11) / 20, 2 - c + (i * 5 % 13) / 20,
            i % 2 ? "red" : "blue", c == 0 ? "ant" : c == 1 ? "bee, big" : "cat"
    }
}' | sed 's/bee, big/"bee, big"/' >good.csv
cat >csv.yaml <<'R'
model:
  layers:
    - linear: 8
    - relu
    - linear: 3
data: {train: good.csv, test: good.csv, target: class}
optimizer: {name: adam, lr: 0.05}
train: {batch: 16, epochs: 12, seed: 1}
stop: {patience: 5}
checkpoint: {every: 3 steps}
run: {dir: run}
R

# ---- bad recipes: 2 ----
printf 'train:\n  batch: 3\ntrian: {batch: 3}\n' >bad.yaml
run 2 "bad.yaml:3: unknown key 'trian.batch', did you mean 'train.batch'?" train bad.yaml
printf 'train:\n  batch: many\n' >bad.yaml
run 2 "bad.yaml:2: train.batch: got 'many', want a whole number" train bad.yaml
run 2 "'train.epoch=3': unknown key" train csv.yaml train.epoch=3
run 2 'nothere.yaml' train nothere.yaml
sed 's/linear: 3/relu: {slope: 2}/' csv.yaml >bad.yaml
run 2 'bad.yaml:5' train bad.yaml
sed 's/- linear: 8/- reshape: [7, 7]/' csv.yaml >bad.yaml
run 2 'bad.yaml:3' train bad.yaml
sed 's/linear: 3/linear: 2/' csv.yaml >bad.yaml
"$belay" train bad.yaml >out 2>err
case $? in 2 | 8) check 'too few outputs are named' grep -q 'class\|output' err ;;
*) fail 'a model with too few outputs' ;; esac

# ---- bad data: 8 ----
run 8 'nothere.csv' train csv.yaml data.train=nothere.csv
{ head -7 good.csv; echo '1,2,red'; tail -20 good.csv; } >ragged.csv
run 8 'ragged.csv:8' train csv.yaml data.train=ragged.csv
{ head -7 good.csv; echo 'nan,2,red,ant'; tail -20 good.csv; } >nan.csv
run 8 'nan.csv:8' train csv.yaml data.train=nan.csv
{ head -7 good.csv; echo ',2,red,ant'; tail -20 good.csv; } >empty.csv
run 8 'empty.csv:8' train csv.yaml data.train=empty.csv
run 0 '' train csv.yaml data.train=empty.csv data.missing=mean run.dir=run_mean train.epochs=1
idx() # images and labels of 6 rows of 2x2; $1 is the last label, in octal
{
    printf '\000\000\010\003\000\000\000\006\000\000\000\002\000\000\000\002' >images
    printf 'aZaZaZaZaZaZaZaZaZaZaZaZ' >>images
    printf '\000\000\010\001\000\000\000\006\000\001\000\001\000'"\\$1" >labels
}
cat >idx.yaml <<'R'
model: {input: [1, 2, 2], layers: [flatten, {linear: 2}]}
data: {format: idx, train: [images, labels]}
split: {validation: 0.34}
train: {batch: 2, epochs: 1}
run: {dir: run_idx}
R
idx 001
run 0 '' train idx.yaml
idx 011
"$belay" train idx.yaml run.dir=run_idx2 >out 2>err
[ $? -eq 8 ] && grep -q 'labels' err && grep -q '9' err && pass || fail 'a label out of range'
idx 001
gzip -c images | head -c 30 >images.gz
run 8 'images.gz' train idx.yaml 'data.train=[images.gz, labels]' run.dir=run_idx3
head -c 30 images >short
run 8 'short' train idx.yaml 'data.train=[short, labels]' run.dir=run_idx3

# ---- a run from end to end ----
run 0 'model: .*run/best.safetensors' train csv.yaml
check 'result.json is there' test -s run/result.json
check 'no carriage returns without a terminal' sh -c "! grep -q '$(printf '\r')' err"
run 9 'run' train csv.yaml
cp run/best.safetensors best.before
run 0 '' train csv.yaml run.if_exists=resume
check 'a finished run is resumed without change' cmp run/best.safetensors best.before
run 0 'accuracy' eval run
run 0 'class            precision recall     F1' eval run
run 0 'accuracy' eval run/best.safetensors good.csv
check_json eval run --json
run 0 '' predict run --data good.csv --out pred.csv
check 'one line a row and a header' test "$(wc -l <pred.csv)" -eq 121
check 'the header names the classes' grep -q '^row,prediction,ant,"bee, big",cat$' pred.csv
sed 's/,[^,]*$//' good.csv | sed 's/,"bee$//' >no_target.csv
run 0 '' predict run/best.safetensors --data no_target.csv -o pred2.csv
check 'the target is not needed' cmp pred.csv pred2.csv
"$belay" predict run good.csv >pred3.csv 2>err
check 'predictions to the output are the same' cmp pred.csv pred3.csv
run 8 'ragged.csv:8' predict run --data ragged.csv -o no.csv
check 'nothing is left of a failed prediction' sh -c '! ls no.csv*'
run 0 'weight' inspect run/best.safetensors
run 0 'result.json' inspect run
check_json inspect run/best.safetensors --json
if [ -e /dev/full ]; then
    "$belay" predict run --data good.csv >/dev/full 2>err
    code=$?
    check 'a full disk is noticed' test $code -eq 8
else
    skipped=$((skipped + 1))
fi
check_json train csv.yaml --json --quiet run.dir=run_json
run 0 '' train csv.yaml --dry-run run.dir=run_dry
check 'a dry run writes nothing' test ! -e run_dry
run 0 '' train csv.yaml --overfit-batch run.dir=run_over
check 'overfitting a batch writes nothing' test ! -e run_over
run 0 'accuracy 0.9\|accuracy 1' train spirals.yaml
run 0 'accuracy' eval runs/spirals

# ---- numbered runs, folders that cannot be written ----
run 0 '' train csv.yaml run.if_exists=number train.epochs=1
check 'the next run is numbered' sh -c 'ls -d run[-_.]*[0-9]* >/dev/null'
run 8 '' train csv.yaml run.dir=good.csv/run
if [ "$(id -u)" -ne 0 ]; then
    mkdir locked && chmod 555 locked
    run 8 'locked' train csv.yaml run.dir=locked/run
else
    run 8 '/proc/belay' train csv.yaml run.dir=/proc/belay/run
fi

# ---- no device: 3; gone to infinity: 5 ----
run 3 'nosuchdevice' train csv.yaml --device opencl:nosuchdevice run.dir=run_dev
run 5 '' train csv.yaml optimizer.name=sgd optimizer.lr=1e30 run.dir=run_inf

# ---- interrupted: 6, and on ----
"$belay" train csv.yaml train.epochs=1000000 stop=off run.dir=run_int >out 2>err &
pid=$!
tries=0
while [ ! -e run_int/best.safetensors ] && [ $tries -lt 200 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
kill -INT $pid
wait $pid
code=$?
check "SIGINT ends with 6 (it was $code)" test $code -eq 6
run 0 '' resume run_int train.epochs=1 stop.patience=5
check 'the history says what a resume changed' grep -q '"key":"stop.patience"' run_int/history.jsonl

# ---- status and stop; the time of one process; saves told ----
run 0 'interrupted\|ended' status run_int
"$belay" train csv.yaml train.epochs=1000000 stop=off run.dir=run_ask -q >out 2>err &
pid=$!
tries=0
while [ ! -e run_ask/best.safetensors ] && [ $tries -lt 200 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
run 0 'running' status run_ask
run 9 'another process' resume run_ask
run 0 'stopped on request' stop run_ask
wait $pid
check 'a run that was asked to stop ends with 6' test $? -eq 6
run 0 'stopped' status run_ask
check_json status run_ask --json
run 1 'no process trains' stop run_ask
run 6 'time for this process' resume run_ask train.epochs=1000001 --for 2s -q \
    'checkpoint.on_save=[sh, -c, "echo $0 >>saves"]'
check 'checkpoint.on_save ran with the path' grep -q 'run_ask/checkpoints/step-' saves
run 2 'want a time' resume run_ask --for soon
at=$(ls run_ask/checkpoints | sed -n 's/^step-0*\([0-9]*\)\.safetensors$/\1/p' | sort -n | head -1)
run 6 '' resume run_ask --at "$at" --for 2s -q
check 'what --at went back over stays' sh -c 'ls run_ask/checkpoints | grep -q undone'
run 2 'no checkpoint of step 3;' resume run_ask --at 3
run 7 'model is' resume run_ask 'model.layers=[{linear: 9}, relu, {linear: 3}]'
run 7 'train.ema is on, .* has no mean of the weights.*--from run_ask@last' resume run_ask train.ema=0.9
run 7 'reset-monitor' resume run_ask stop.monitor=train.loss
run 6 'begins anew' resume run_ask stop.monitor=train.loss --reset-monitor=all --for 2s
run 0 '' train csv.yaml --from run_ask@best run.dir=run_from train.epochs=1
check 'weights from elsewhere are checked before the first step' \
    sh -c 'head -n 1 run_from/metrics.jsonl | grep -q "\"step\":0,"'
run 8 'no file' train csv.yaml --from run_ask@99 run.dir=run_from2

# ---- a second Ctrl-C ends at once, though the first one's saving cannot end ----
mkfifo hold
"$belay" train csv.yaml train.epochs=1000000 stop=off run.dir=run_two -q \
    'checkpoint.on_save=[sh, -c, "read line <hold"]' >out 2>err &
pid=$!
tries=0
while [ ! -e run_two/best.safetensors ] && [ $tries -lt 200 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
kill -INT $pid
sleep 1
check 'after one Ctrl-C it still waits' kill -0 $pid
kill -INT $pid
wait $pid
check 'a second Ctrl-C ends with 130' test $? -eq 130
for one in 1 2 3; do
    timeout 1 sh -c 'echo go >hold'
done
run 6 '' resume run_two checkpoint.on_save=true --for 2s -q

# ---- damaged and foreign files: 7 ----
flip() # the byte in the middle of a file
{
    size=$(wc -c <"$1")
    at=$((size / 2))
    byte=$(od -An -tu1 -j $at -N 1 "$1" | tr -d ' ')
    printf "\\$(printf %o $((byte ^ 1)))" | dd of="$1" bs=1 seek=$at conv=notrunc 2>/dev/null
}
cp run/best.safetensors flipped.safetensors
flip flipped.safetensors
run 7 'flipped.safetensors' eval flipped.safetensors --data good.csv
run 7 'flipped.safetensors' inspect flipped.safetensors
head -c 100 run/best.safetensors >cut.safetensors
run 7 'cut.safetensors' inspect cut.safetensors
cp -r run run_flip
for file in run_flip/checkpoints/*; do flip "$file"; done
run 7 'warning: checkpoint of step .* is skipped: .*run_flip' resume run_flip
check 'a checkpoint that is skipped is no error' test "$(grep -c 'error:' err)" -eq 1
run 7 "'0.weight' is \[8, .* in run/best.safetensors and \[9" train csv.yaml init=run/best.safetensors run.dir=run_init \
    'model.layers=[{linear: 9}, relu, {linear: 3}]'
run 0 '' train csv.yaml init=run/best.safetensors run.dir=run_init2
run 8 'nothere' eval nothere.safetensors --data good.csv
run 8 'nothere' resume nothere
printf 'not a model' >text.safetensors
run 7 'text.safetensors' predict text.safetensors --data good.csv

# ---- metrics from scores and from counts: log_loss is what cross_entropy is ----
run 0 'val.roc_auc' train csv.yaml run.dir=run_metrics train.epochs=2 \
    'metrics=[accuracy, roc_auc, log_loss, top_2, mcc, f1_micro, balanced_accuracy, perplexity]'
same_loss()
{
    grep -o '"val": *{[^}]*}' run_metrics/metrics.jsonl | tail -1 >line
    loss=$(sed 's/.*"loss": *\([-0-9.e]*\).*/\1/' line)
    other=$(sed 's/.*"log_loss": *\([-0-9.e]*\).*/\1/' line)
    awk -v a="$loss" -v b="$other" 'BEGIN { d = a - b; exit !(a > 0 && d * d < 1e-10 * a * a) }'
}
check 'val.log_loss is val.loss' same_loss
run 2 'metric .roc_auc. is for classes' train csv.yaml loss=mse 'metrics=[roc_auc]' run.dir=run_no

# ---- layers that normalise, losses of other kinds ----
run 0 '' train csv.yaml run.dir=run_norms train.epochs=2 \
    'model.layers=[{linear: 8}, layer_norm, {prelu: {each: true}}, {linear: 6}, rms_norm, {linear: 3}]'
run 0 'F32 *1.weight \[8\]' inspect run_norms
run 0 'accuracy' eval run_norms --data good.csv
run 2 'eps must be above 0' train csv.yaml run.dir=run_no 'model.layers=[{layer_norm: {eps: -1}}, {linear: 3}]'
run 0 '' train csv.yaml run.dir=run_margin train.epochs=2 'loss={name: multi_margin, margin: 0.5}'
run 0 '' train csv.yaml run.dir=run_nll train.epochs=2 loss=nll \
    'model.layers=[{linear: 8}, relu, {linear: 3}, log_softmax]'
run 0 'accuracy' eval run_nll --data good.csv

# ---- convert: the same weights in every format ----
run 2 'usage: belay convert A B' convert run
for to in best.pth best.npz best.safetensors.index.json; do
    run 0 "wrote $to" convert run $to
    run 0 'equal, 0 different' diff run $to
    run 0 '^ok ' verify $to
    run 0 'F32 *0.weight' inspect $to
    run 0 '' train csv.yaml init=$to "run.dir=run_init_$to"
done
check_json convert run best.pth --json
check_json inspect best.pth --json
run 0 'wrote half.npz' convert run half.npz --rename '0.*=first.*' --dtype f16
run 0 'F16 *first.weight' inspect half.npz
run 0 '' convert "$(find run/checkpoints -name 'step-*' | head -1)" weights.safetensors --weights-only
run 0 '^  4 tensors' inspect weights.safetensors
# A training begins from them as from the run itself, to the bit.
run 0 '' train csv.yaml --from run@best run.dir=run_of_best train.epochs=2
for how in '--from best.pth' init=best.pth init=best.safetensors.index.json '--from best.npz'; do
    # shellcheck disable=SC2086
    run 0 'epoch 2/2' train csv.yaml $how run.dir=run_of_file train.epochs=2
    run 0 'equal' diff run_of_best/last.safetensors run_of_file/last.safetensors
    rm -rf run_of_file
done
mkdir sharded
run 0 '' convert run sharded/model.safetensors.index.json --shard-size 100
run 0 'equal' diff run sharded
run 0 '^  4 tensors' inspect sharded
run 0 '^ok .*index.json' verify sharded
run 0 'epoch 2/2' train csv.yaml --from sharded run.dir=run_of_file train.epochs=2
run 0 'equal' diff run_of_best/last.safetensors run_of_file/last.safetensors
run 2 'rename .nothere. *: want OLD=NEW' convert run x.pth --rename nothere
run 2 "unknown type 'f8', want f16, bf16 or f32" convert run x.pth --dtype f8
run 2 "unknown format 'h5', want safetensors" convert run x.pth --to h5
run 2 'rename .nothere=x. fits no tensor' convert run x.pth --rename nothere=x
run 2 'no format has this suffix' convert run x.h5
run 2 'shard-size' convert run x.safetensors.index.json --shard-size big
run 8 'nothere' convert nothere x.pth
head -c 300 best.pth >cut.pth
run 7 'cut.pth' inspect cut.pth

# ---- verify and diff ----
run 0 '^ok .*run/best.safetensors: .*digest' verify run
check 'a checkpoint is verified' grep -q '^ok .*run/checkpoints/step-' out
check 'a line for each file and two references' test "$(wc -l <out)" -eq \
    "$(($(find run -name '*.safetensors' | wc -l) + 2))"
check 'the best that the newest checkpoint refers to' \
    grep -q '^ok .*run/checkpoints/best-.* is the best of the checkpoint' out
check 'the length of the log' grep -q '^ok .*run/metrics.jsonl has [0-9]* bytes' out
cp -r run run_refs
head -c -5 run/metrics.jsonl >run_refs/metrics.jsonl
run 7 '^damaged .*run_refs/metrics.jsonl has' verify run_refs
check_json_7=$("$belay" verify run_refs --json | grep -c '"references": .*"ok": false.*"bad": 1}')
check 'verify --json tells a log that is too short' test "$check_json_7" -eq 1
cp run/metrics.jsonl run_refs
for best in run_refs/checkpoints/best-*; do cp run_mean/best.safetensors "$best"; done
run 7 '^damaged .*run_refs/checkpoints/best-.* has digest' verify run_refs
rm run_refs/checkpoints/best-*
run 7 '^damaged .*refers to a best of step' verify run_refs
run 0 '^ok ' verify run/best.safetensors
check_json verify run --json
run 7 '^damaged .*flipped.safetensors' verify flipped.safetensors
{ head -c -1 run/best.safetensors && printf X; } >last_byte.safetensors
run 7 '^damaged .*last_byte.safetensors: .*digest' verify last_byte.safetensors
run 7 '^damaged .*cut.safetensors' verify cut.safetensors
run 7 '^ok .*best.safetensors' verify run_flip
check 'each damaged file is named' test "$(grep -c '^damaged' out)" -eq \
    "$(find run_flip/checkpoints -name '*.safetensors' | wc -l)"
"$belay" verify run_flip --json >json 2>err
code=$?
check 'verify --json tells damage' test $code -eq 7
run 8 'nothere' verify nothere
mkdir bare
run 8 'bare' verify bare
run 0 'equal' diff run/best.safetensors run
check_json diff run run --json
run 1 '0.weight.*largest difference' diff run/best.safetensors run_mean/best.safetensors
run 1 'only in .*step-' diff run/best.safetensors "$(find run/checkpoints -name 'step-*' | head -1)"
run 1 '"kind": "values".*"equal": 0}' diff run run_mean --json
run 7 'flipped.safetensors' diff run flipped.safetensors
run 8 'nothere' diff nothere run
scalars() # OUT HEADER DATA: a safetensors file; the data in printf's notation
{
    # shellcheck disable=SC2059 # DATA is a format
    { printf "\\$(printf %o ${#2})\000\000\000\000\000\000\000%s" "$2"; printf "$3"; } >"$1"
}
one='{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
scalars one.safetensors "$one" '\000\000\200\077\000\000\000\100' # 1, 2
scalars two.safetensors "$one" '\000\000\200\077\000\000\200\100' # 1, 4
scalars nan.safetensors "$one" '\000\000\200\077\000\000\300\177' # 1, NaN
scalars flat.safetensors '{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}' \
    '\000\000\200\077\000\000\000\100'
scalars int.safetensors '{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}' \
    '\000\000\200\077\000\000\000\100'
run 0 'no digest' verify one.safetensors
run 1 'a: 1 of 2 values, largest difference 2, relative 0.5' diff one.safetensors two.safetensors
run 1 'a: 1 of 2 values, largest difference inf' diff one.safetensors nan.safetensors
run 0 'equal' diff nan.safetensors nan.safetensors
run 1 'a: shape \[2\] .*\[2, 1\]' diff one.safetensors flat.safetensors
run 1 'a: F32 .*I64' diff one.safetensors int.safetensors

# ---- replay ----
run 0 'run/metrics.jsonl: [0-9]* checks of val.loss' replay run --rule patience:1 --rule keras:patience=50
check 'a rule that did not fire is said so' grep -q 'keras:patience=50 .*not fired by the end' out
check_json replay run --rule pq:0.5,k=2 --rule gl:2 --json
printf 'epoch,accuracy,loss,val_accuracy,val_loss\n0,.5,2,.5,2\n1,.6,1,.7,1\n2,.7,.9,.6,1.5\n3,1,1,1,1.2\n' \
    >keras.csv
run 0 'keras.csv: 4 checks of val_loss (less is better), best 1$' replay keras.csv -r patience:2
check 'the third value after the best stops' \
    grep -Eq '^patience:2 +4 +- +2 +- +1 +0 +0  val_loss did not improve on 1 for 2 checks' out
run 0 'val_accuracy (more is better)' replay keras.csv -r patience:1 --metric val_accuracy
check 'what is given up' grep -Eq '^patience:1 +3 +- +2 +- +0.7 +1 +0.3  ' out
printf 'epoch,step,train_loss,val_loss\n0,9,2.0,\n0,9,,3\n1,19,1.0,\n1,19,,4\n' >lightning.csv
run 0 'lightning.csv: 2 checks of val_loss' replay lightning.csv -p lightning:1
check 'rows without the metric are no checks' grep -Eq '^lightning:1 +2 +19 +1 +9 +3 ' out
printf '  epoch,  train/box_loss,  val/box_loss,  metrics/mAP50(B)\n 1, 2, 1, .5\n 2, 1, 2, .6\n' \
    >results.csv
run 0 '2 checks of metrics/mAP50(B) (more' replay results.csv -r patience:3 -m 'metrics/mAP50(B)'
run 2 "did you mean 'keras'" replay keras.csv -p kears
run 2 'say which rule' replay keras.csv
run 8 "no column 'nothere'" replay keras.csv -r patience:1 -m nothere
printf 'val_loss\n1\n2\n' >bare.csv
run 8 'needs the training loss' replay bare.csv -r pq:1
run 8 'nothere.csv' replay nothere.csv -r patience:1

# ---- init: a recipe that trains, from data alone ----
run 0 '^# Target: "class"' init good.csv
run 0 'Next: belay train made.yaml' init good.csv -o made.yaml
run 9 'made.yaml: is there already' init good.csv -o made.yaml
run 0 'Stopped after step' train made.yaml run.dir=run_made train.epochs=3
check_json init good.csv --json
printf 'a,b,town,price\n1,2,x,3.5\n2,,y,5.1\n3,1,x,4.2\n4,4,y,9.3\n5,2,x,7.4\n6,3,y,8.6\n7,1,x,8.7\n8,3,y,11.8\n' >homes.csv
run 0 'a regression' init homes.csv
check 'empty cells are seen' grep -q '^# 1 rows have empty cells' out
check 'and the target named' grep -q '^# Target: "price" (by its name' out
run 0 '^  target: "town"' init homes.csv --target town
run 8 "nothere" init homes.csv --target nothere
run 8 'nothere.csv' init nothere.csv -o nothere.yaml
check 'a recipe that failed is not left behind' test ! -e nothere.yaml
# rows FORMAT COUNT: lines from i (0, 1, ...), j (i mod 2) and a number x that looks like chance.
rows() { awk -v n="$2" "BEGIN { for (i = 0; i < n; i++) { j = i % 2; x = (i * 7919 % 1000) / 1000; printf $1 } }"; }
(echo 'id;x;same;day;kind' && rows '"%d;%g;1;2024-%02d-%02d;%s\n", i, x, 1 + i / 28, 1 + i % 28, j ? "a" : "b"' 120) >ids.csv
run 0 '' init ids.csv -o ids.yaml
check 'the delimiter is found' grep -qF "delimiter: ';'" ids.yaml
check 'columns that are no features are left out' grep -qF 'ignore: ["id", "same", "day"]' ids.yaml
check 'and why' grep -qF '# Ignored: "day" (dates' ids.yaml
run 0 'test:    loss' train ids.yaml run.dir=run_ids train.epochs=2
run 0 '18 rows' eval run_ids
run 0 '^1,' predict run_ids ids.csv
run 8 "no column to ignore 'nothere'" train ids.yaml 'data.ignore=[nothere]'
run 8 "is the target" train ids.yaml 'data.ignore=[kind]'
rows '"%d,%g,%g,%d\n", i, x, -x, j' 40 >gaps.csv
run 0 '' init gaps.csv -o gaps.yaml
check 'a column that counts the rows is left out' grep -qF 'ignore: ["0"]' gaps.yaml
run 0 'Stopped after' train gaps.yaml run.dir=run_gaps train.epochs=2
run 0 '40 rows' eval run_gaps gaps.csv
(echo cap,odor,kind && rows '"c%d,o%d,%s\n", i % 3, i % 2, j ? "p" : "e"' 30) >texts.csv
run 0 'header: yes' init texts.csv
(echo a,b,y && rows '"%g,%g,%s\n", x, x, i % 5 ? j : "NA"' 30) >holes.csv
run 0 '' init holes.csv -o holes.yaml
check 'rows without a target are dropped' grep -q 'missing: drop' holes.yaml
run 0 'Stopped after' train holes.yaml run.dir=run_holes train.epochs=2
rows '"%g;%s\n", i, i ",5"' 20 >commas.csv
run 1 'decimal comma' init commas.csv
printf 'a\n1\n2\n3\n4\n5\n' >alone.csv
run 8 'one column' init alone.csv
printf 'a,b,c\n' >head.csv
run 8 'too few to train on' init head.csv
printf 'x' >alone.npy
run 8 'targets are missing' init alone.npy

# ---- manual ----
check_json manual --json
run 0 '^\.TH BELAY 1' manual
run 0 'B train.batch (int, 1 or more, default' manual recipe
run 0 '^| `train.batch` | `int` | `64` | 1 or more |' manual reference
run 2 "no page 'nothere'" manual nothere
run 0 'complete -o filenames -F _belay belay' manual completion-bash
check 'the completion is valid bash' bash -n out

# ---- sweep and refit ----
cat csv.yaml - >sweep.yaml <<'R'
sweep: {stop.patience: {choices: [1, 3]}, folds: 2, score: accuracy, dir: swept}
R
run 0 'rank trial' sweep sweep.yaml train.epochs=4
check 'every fold is told' test "$(grep -c '^trial [12]/2  fold [12]/2' err)" -eq 4
check 'and written' test "$(wc -l <swept/trials.jsonl)" -eq 5
run 0 '(done before)' sweep sweep.yaml train.epochs=4
check_json sweep sweep.yaml train.epochs=4 --json
run 9 'is of another sweep' sweep sweep.yaml train.epochs=5
run 2 'there is no sweep: section' sweep csv.yaml
run 2 'nothere.yaml' sweep nothere.yaml
run 2 "want a list of values" sweep sweep.yaml 'sweep={train.batch: {choices: 3}}'
run 0 'best-run' train swept/best.yaml run.dir=best-run
run 0 'best-run-refit' refit best-run
run 9 'best-run-refit' refit best-run
run 8 'is no run folder' refit nothere

# ---- report and compare ----
run 0 'run/report.html' report run
check 'the page has the confusion matrix' grep -q 'Confusion matrix' run/report.html
run 0 'two.html' report run run --no-eval -o two.html
check 'and not where it is not wanted' sh -c '! grep -q Confusion two.html'
run 0 'ended by  monitor' compare run
check_json compare run run --json
run 8 'nothere: no such folder' compare nothere
mkdir damaged && printf '{}\ngarbage\n' >damaged/metrics.jsonl
run 0 'left out: damaged/metrics.jsonl:2' compare run damaged
check 'the others are listed' grep -q '^run  *patience\|^run  *epochs' out
run 7 'none of the 2 runs' compare damaged damaged
run 2 'that is data, not a recipe' train good.csv
run 2 'compare' compare

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
