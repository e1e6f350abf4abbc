# shellcheck shell=bash
# For the checks written in shell: count, say, and end with the line that every test program ends
# with. Source it; call passed, failed or skipped for each thing looked at, then finish.
num_passed=0
num_failed=0
num_skipped=0

passed() { num_passed=$((num_passed + 1)); }

failed() {
    num_failed=$((num_failed + 1))
    printf 'FAILED: %s\n' "$*"
}

skipped() {
    num_skipped=$((num_skipped + 1))
    printf 'skipped: %s\n' "$*"
}

# check NAME COMMAND...: passes when the command does, else shows what it said.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        passed
    else
        failed "$name"
        printf '%s\n' "$output" | sed 's/^/    /'
    fi
}

# python_check COMMAND...: a script that says what failed and ends with "N passed, N failed".
python_check() {
    local output counts p f
    output=$("$@" 2>&1)
    printf '%s\n' "$output" | grep -vE '^[0-9]+ passed'
    counts=$(printf '%s\n' "$output" | tail -1 | grep -E '^[0-9]+ passed, [0-9]+ failed$')
    if [ -z "$counts" ]; then
        failed "the script ended early: $*"
        return
    fi
    read -r p _ f _ <<<"$counts"
    num_passed=$((num_passed + p))
    num_failed=$((num_failed + f))
}

finish() {
    printf '%d passed, %d failed, %d skipped\n' "$num_passed" "$num_failed" "$num_skipped"
    [ "$num_failed" = 0 ]
    exit
}
