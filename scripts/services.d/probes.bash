# Sourced by scripts/services: whether a server answers its protocol, and can do what the tests need. Nothing but bash
# is needed for that, since a machine may have a server (in a container, say) without its client.

# answers NAME: whether `url` can be used; if not, `reason` says why, unless nothing listens there at all.
answers() {
    local said
    parse_url "$url" || return 1
    port=${port:-${standard_port[$1]}}
    if ! listens "$host" "$port"; then
        reason="nothing listens at $host:$port"
        [[ $origin == started || -n ${!variable[$1]:-} ]] || reason=
        return 1
    fi
    if said=$(with_connection "probe_$1"); then
        return
    fi
    reason="${said:-what listens at $host:$port does not answer like one}"
    return 1
}

# parse_url URL: its parts, into variables.
parse_url() {
    local form='^([a-z]+)://(([^:@/]*)(:([^@/]*))?@)?(\[[^]]*]|[^]:/?@[]+)(:([0-9]+))?(/([^?]*))?([?].*)?$'
    if [[ ! $1 =~ $form ]]; then
        reason='its URL is not of the form scheme://user:password@host:port/name'
        return 1
    fi
    secret=${BASH_REMATCH[5]}
    user=$(decoded "${BASH_REMATCH[3]}")
    password=$(decoded "$secret")
    host=${BASH_REMATCH[6]//[][]/}
    port=${BASH_REMATCH[8]}
    path=$(decoded "${BASH_REMATCH[10]}")
}

# What is percent-encoded in a URL.
decoded() {
    local text=${1//\\/\\\\}
    printf '%b' "${text//%/\\x}"
}

listens() {
    (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}

# Runs a probe with the server at file 3, in a shell of its own, which may exit. Inside of a condition `set -e` is not
# in force, so a probe says itself where it ends.
with_connection() (
    exec 3<>"/dev/tcp/$host/$port" && "$1"
) 2>/dev/null

# The next bytes, in hexadecimal without blanks.
bytes() {
    timeout 3 head -c "$1" <&3 | od -An -v -tx1 | tr -d ' \n'
}

# One line, without its end.
line_from_server() {
    IFS= read -r -t 3 line <&3 && line=${line%$'\r'}
}

# A start-up message, and what is answered until the server is ready for a query. That it lets one in is not all: the
# user or the database may still not exist.
probe_postgres() {
    local database=${path:-$user} kind content
    hexadecimal 0003 0000 "$(text user)" 00 "$(text "$user")" 00 "$(text database)" 00 "$(text "$database")" 00 00 |
        with_length 4
    while postgres_message; do
        case $kind${content:0:8} in
            5a*) return ;;
            45*) refuses_the_account ;;
            5200000000) ;;
            5200000003)
                printf p >&3
                hexadecimal "$(text "$password")" 00 | with_length 4
                ;;
            52*)
                ask_with_psql
                return
                ;;
        esac
    done
    return 1
}

# The kind of the next message, and what is in it.
postgres_message() {
    local head
    head=$(bytes 5)
    [[ ${#head} -eq 10 ]] || return 1
    kind=${head:0:2}
    content=$(bytes $((16#${head:2} - 4)))
}

ask_with_psql() {
    if ! command -v psql >/dev/null; then
        refuse 'it wants a password in a form that only psql can give, which is not installed'
    fi
    PGHOST=$host PGPORT=$port PGUSER=$user PGPASSWORD=$password PGDATABASE=${path:-$user} PGCONNECT_TIMEOUT=3 \
        psql --no-psqlrc --no-password -qAtc 'SELECT 1' </dev/null >/dev/null || refuses_the_account
}

refuses_the_account() {
    refuse "the one at $host:$port refuses the account that the URL names"
}

# Ends a probe with a reason.
refuse() {
    printf '%s' "$1"
    exit 1
}

# The first line tells what the server can do; an answer to PING comes only after it took the account.
probe_nats() {
    local line account=
    line_from_server && [[ $line == 'INFO '* ]] || return 1
    if [[ $line != *'"jetstream":true'* ]]; then
        refuse "the one at $host:$port has no JetStream"
    fi
    if [[ -n $password ]]; then
        account=",\"user\":\"$user\",\"pass\":\"$password\""
    elif [[ -n $user ]]; then
        account=",\"auth_token\":\"$user\""
    fi
    printf 'CONNECT {"verbose":false,"pedantic":false,"lang":"bash","version":"0"%s}\r\nPING\r\n' "$account" >&3
    while line_from_server; do
        case $line in
            PONG) return ;;
            -ERR*) refuses_the_account ;;
        esac
    done
    return 1
}

probe_redis() {
    local line
    if [[ -n $password ]]; then
        redis_command AUTH "${user:-default}" "$password"
    fi
    redis_command INFO memory
    redis_command PING
    while line_from_server; do
        case $line in
            -*) refuses_the_account ;;
            maxmemory_policy:noeviction) ;;
            maxmemory_policy:*) refuse "the one at $host:$port may throw keys away ($line)" ;;
            +PONG) return ;;
        esac
    done
    return 1
}

redis_command() {
    local LC_ALL=C word
    printf '*%s\r\n' $# >&3
    for word in "$@"; do
        printf '$%s\r\n%s\r\n' "${#word}" "$word" >&3
    done
}

# AMQP 0-9-1 as far as an open virtual host: start, start-ok, tune, tune-ok and open, open-ok.
probe_rabbitmq() {
    printf 'AMQP\0\0\11\1' >&3
    [[ $(amqp_method) == 000a000a ]] || return 1
    hexadecimal 000a 000b 00000000 05 "$(text PLAIN)" "$(printf '%08x' $((${#user} + ${#password} + 2)))" \
        00 "$(text "$user")" 00 "$(text "$password")" 05 "$(text en_US)" | amqp_frame
    [[ $(amqp_method) == 000a001e ]] || refuses_the_account
    hexadecimal 000a 001f 0001 00020000 0000 | amqp_frame
    hexadecimal 000a 0028 "$(printf '%02x' "${#path}")" "$(text "$path")" 00 00 | amqp_frame
    [[ $(amqp_method) == 000a0029 ]] || refuse "the one at $host:$port does not open the virtual host $path"
}

# The method of the next frame.
amqp_method() {
    local size payload
    size=$(bytes 7)
    size=$((16#${size:6:8}))
    payload=$(bytes $((size + 1)))
    printf '%s' "${payload:0:8}"
}

# Sends what it reads as the payload of a method on channel 0.
amqp_frame() {
    printf '\1\0\0' >&3
    with_length 0
    printf '\316' >&3
}

probe_stripe() {
    local line
    printf 'GET /v1/customers HTTP/1.0\r\nHost: %s\r\nAuthorization: Bearer sk_test_probe\r\n\r\n' "$host" >&3
    line_from_server && [[ $line == 'HTTP/1.'?' 200 '* ]]
}

# with_length EXTRA: sends the hexadecimal digits that it reads, as bytes, behind their number and EXTRA in four bytes.
with_length() {
    local digits
    digits=$(cat)
    digits=$(printf '%08x' $((${#digits} / 2 + $1)))$digits
    printf '%b' "$(sed 's/../\\x&/g' <<<"$digits")" >&3
}

# Its arguments are digits already; they are only put together.
hexadecimal() {
    printf '%s' "$@"
}

text() {
    printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'
}
