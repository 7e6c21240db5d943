# Sourced by scripts/test and scripts/nightly: runs named parts one after another, stops at the first that fails, and
# closes with a table of the seconds each one took. A part is a function of the same name, listed in `all_parts`.

part_running=
part_started=0
part_rows=()
# What a script ends with, however it ends: names of functions.
at_end=()

# main ARGUMENT...: the command line of a script made of parts.
main() {
    local part
    if [[ ${1:-} == --list ]]; then
        printf '%s\n' "${all_parts[@]}"
        return
    fi
    for part in "$@"; do
        if [[ " ${all_parts[*]} " != *" $part "* ]]; then
            fail "$0 has no part named $part; its parts are: ${all_parts[*]}"
        fi
    done
    if [[ $# -eq 0 ]]; then
        set -- "${all_parts[@]}"
    fi
    # No part may wait for an answer that nobody is there to give.
    run_parts "$@" </dev/null
}

run_parts() {
    local part
    trap close_with_table EXIT
    for part in "$@"; do
        part_running=$part
        part_started=$SECONDS
        printf '\n== %s\n' "$part"
        # Not inside a condition: bash would stop honouring `set -e` within the part.
        "$part"
        record_part ok
        part_running=
    done
}

record_part() {
    local seconds=$((SECONDS - part_started))
    printf -- '-- %s: %s, %d s\n' "$part_running" "$1" "$seconds"
    part_rows+=("$(printf '%-14s %6d s   %s' "$part_running" "$seconds" "$1")")
}

close_with_table() {
    local status=$? step
    if [[ -n $part_running ]]; then
        record_part FAILED
    fi
    for step in "${at_end[@]}"; do
        "$step" || true
    done
    printf '\n'
    printf '%s\n' "${part_rows[@]}"
    printf '%-14s %6d s\n' total "$SECONDS"
    if [[ -n $part_running ]]; then
        fail '' "The part $part_running failed. To run it alone: $0 $part_running" || true
    fi
    exit "$status"
}
