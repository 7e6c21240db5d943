# Sourced by scripts/services: the programs that a service needs, installed if they are missing and that is possible.

# need_program NAME WHAT PACKAGE TEST...: TEST finds the program, before or after the package was installed.
need_program() {
    local named=${variable[$1]} what=$2 package=$3 why
    shift 3
    if "$@"; then
        return
    fi
    if ! why=$(cannot_install); then
        install_package "$package"
        if "$@"; then
            return
        fi
        why="the package $package was installed, but is not where it is looked for"
    fi
    fail "$what is not installed, and can't be installed by this script: $why." \
        "On Debian and Ubuntu: apt-get install $package. If a server runs somewhere, say where with $named=URL."
}

# Says why not, if not.
cannot_install() {
    if ! command -v apt-get >/dev/null; then
        printf 'there is no apt-get here'
    elif [[ $EUID -ne 0 ]] && ! sudo -n true 2>/dev/null; then
        printf 'that takes root, or sudo without a password'
    else
        return 1
    fi
}

# Lists of packages may be missing or too old: they are fetched when the first try fails.
install_package() {
    as_root=()
    if [[ $EUID -ne 0 ]]; then
        as_root=(sudo -n)
    fi
    printf 'installing the package %s\n' "$1" >&2
    forbid_services
    if ! apt_get install "$1" 2>/dev/null; then
        apt_get update
        apt_get install "$1" || { allow_services && fail "apt-get could not install $1"; }
    fi
    allow_services
}

# Its output is of use only if it fails.
apt_get() {
    local log=$state/apt.log
    if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -y -q \
        --no-install-recommends "$@" >"$log" 2>&1 </dev/null 9>&-; then
        tail -n 20 "$log" >&2
        return 1
    fi
}

# While this file is there, a package that is installed starts no service. One that somebody else put there stays.
policy=/usr/sbin/policy-rc.d

forbid_services() {
    if [[ -e $policy ]]; then
        return
    fi
    trap allow_services EXIT
    # shellcheck disable=SC2016 # The inner shell expands it.
    "${as_root[@]}" sh -c 'printf "#!/bin/sh\n# of scripts/services\nexit 101\n" >"$1" && chmod 755 "$1"' - "$policy"
}

allow_services() {
    if grep -qs '^# of scripts/services' "$policy"; then
        "${as_root[@]}" rm -f "$policy"
    fi
}

need_postgres() {
    need_program postgres PostgreSQL postgresql find_postgres_bin
}

# Sets `postgres_bin`: what the environment names, what is in use, or the newest that is installed.
find_postgres_bin() {
    local folder searched
    searched=$(realpath "$(command -v initdb)" 2>/dev/null || true)
    for folder in "${TICKETING_TEST_POSTGRES_BIN:-}" "${searched%/initdb}" \
        $(printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin | sort -rV); do
        if [[ -x $folder/initdb && -x $folder/postgres && -x $folder/pg_ctl &&
            -x $folder/pg_dump && -x $folder/pg_restore ]]; then
            postgres_bin=$folder
            return
        fi
    done
    return 1
}

need_nats() {
    need_program nats 'The NATS server' nats-server on_path nats-server
}

need_redis() {
    need_program redis Redis redis-server on_path redis-server
}

on_path() {
    command -v "$1" >/dev/null
}

need_rabbitmq() {
    need_program rabbitmq RabbitMQ rabbitmq-server find_rabbitmq
}

# Sets `rabbitmq`: its own start script. Debian's, on the path, would run as another user and on files of its own.
find_rabbitmq() {
    local candidate
    for candidate in $(printf '%s\n' /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server | sort -rV) \
        "$(command -v rabbitmq-server || true)"; do
        if [[ -x $candidate ]] && on_path epmd; then
            rabbitmq=$candidate
            return
        fi
    done
    return 1
}

# It is under the GPL: a program of its own that is talked to, never a part of ours.
need_stripe() {
    if [[ ! -x $state-python/venv/bin/localstripe ]]; then
        need_program stripe 'The module venv of Python 3.11 or newer' python3-venv has_python
    fi
    need_python_environment "$state-python" "$root/scripts/services.d/requirements.txt"
}
