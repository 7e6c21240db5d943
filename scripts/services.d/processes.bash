# Sourced by scripts/services: processes that outlive this script, and are found again.
#
# Each service has a folder below `state`: its URL, its log, a line for each of its processes, and what it stores. A
# process is known by its number and the time it began, since numbers are given again.

state=$(realpath -m "${CARGO_TARGET_DIR:-target}/services")
patience=60

# Two of these at a time would start everything twice. The lock is that of an open file, so it ends with this process.
one_at_a_time() {
    mkdir -p "$state"
    exec 9>"$state/lock"
    if ! flock --timeout 300 9; then
        fail "another $0 is at work on $state, and takes too long"
    fi
}

# start_own NAME: what must be installed, a folder, a port, the processes, and an answer from them.
start_own() {
    local name=$1 folder=$state/$1 tries
    "need_$name"
    for ((tries = 1; tries <= 3; tries++)); do
        stop_own "$name"
        make_folder
        port=$(free_port)
        "start_$name"
        (umask 077 && printf '%s\n' "$url" >"$folder/url")
        origin=started
        if comes_up "$name"; then
            return
        fi
        # Somebody else was quicker to take the port.
        grep -qiE 'address (is )?already in use|eaddrinuse' "$folder/log" || break
    done
    show_log "$name"
    stop_own "$name"
    fail "$name was started, but cannot be used: $reason"
}

# Others may pass through it to what is theirs, and see nothing else.
make_folder() {
    mkdir -p "$folder"
    chmod 711 "$state" "$folder"
    (umask 077 && : >"$folder/log" && : >"$folder/processes")
}

# Ports below those that the kernel hands out to connections.
free_port() {
    local tries number
    for ((tries = 0; tries < 100; tries++)); do
        number=$((20000 + RANDOM % 12000))
        if ! listens 127.0.0.1 "$number"; then
            printf '%s\n' "$number"
            return
        fi
    done
    fail 'no port between 20000 and 32000 is free'
}

# launch SIGNAL COMMAND...: a process in a session of its own, so that a key pressed in this terminal does not reach it;
# the signal is the one that ends it in good order. Files that this script has open are not its business.
launch() {
    local signal=$1 began
    shift
    setsid "$@" </dev/null >>"$folder/log" 2>&1 9>&- &
    if began=$(began_at $!); then
        printf '%s %s %s\n' $! "$began" "$signal" >>"$folder/processes"
    fi
}

# When a process began, in ticks since the machine did; fails when there is none, or only its remains. Its name, in
# parentheses, may contain anything.
began_at() {
    local fields
    fields=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    read -ra fields <<<"${fields##*) }"
    [[ ${fields[0]} != [ZX] ]] && printf '%s\n' "${fields[19]}"
}

is_ours() {
    [[ $(began_at "$1" || true) == "$2" ]]
}

own_url() {
    cat "$state/$1/url" 2>/dev/null || true
}

comes_up() {
    local end=$((SECONDS + patience))
    until answers "$1"; do
        if ! all_run; then
            reason='it ended'
            return 1
        fi
        if ((SECONDS >= end)); then
            return 1
        fi
        sleep 0.1
    done
    is_private
}

all_run() {
    local process began signal
    [[ -s $folder/processes ]] || return 1
    while read -r process began signal; do
        is_ours "$process" "$began" || return 1
    done <"$folder/processes"
}

# Whether nothing outside of this machine can reach the port. The kernel's tables have addresses and ports in
# hexadecimal; 0A is a port that listens.
is_private() {
    local wanted
    wanted=$(printf '%04X' "$port")
    if cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v port=":$wanted" '
        $4 == "0A" && $2 ~ port "$" && $2 ~ /^0+:/ { found = 1 } END { exit !found }'; then
        reason="it listens on every address of this machine, at port $port"
        return 1
    fi
}

# stop_own NAME: only what was started here. What it stored goes with it.
stop_own() {
    local folder=$state/$1 elsewhere process began signal
    if [[ ! -d $folder ]]; then
        return
    fi
    while read -r process began signal; do
        stop_process
    done < <(tac "$folder/processes" 2>/dev/null || true)
    elsewhere=$(cat "$folder/elsewhere" 2>/dev/null || true)
    if [[ $elsewhere == /tmp/ticketing-$1.* || $elsewhere == /tmp/localstripe.pickle ]]; then
        rm -rf -- "$elsewhere"
    fi
    rm -rf -- "$folder"
}

# Asks it to end, waits, and ends it with all of its session if it does not listen.
stop_process() {
    local end=$((SECONDS + 15))
    if ! is_ours "$process" "$began"; then
        return
    fi
    kill -s "$signal" "$process" 2>/dev/null || true
    while is_ours "$process" "$began"; do
        if ((SECONDS >= end)); then
            kill -KILL -- "-$process" 2>/dev/null || true
            end=$((SECONDS + 15))
        fi
        sleep 0.1
    done
}

show_log() {
    printf 'the last lines of its log:\n' >&2
    tail -n 30 "$state/$1/log" >&2
}
