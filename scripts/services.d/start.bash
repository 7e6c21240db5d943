# Sourced by scripts/services: how each server is started, in `folder`, at `port`. Each sets the `url` at which it will
# answer, on the loopback interface only. Whoever else has an account on this machine can reach that too, and could make
# a database or a Redis write files in our name, so each has a password that was made up for it.

start_postgres() {
    local run_as=() data=$folder/data secret
    secret=$(new_secret)
    mkdir -m 700 "$data"
    if [[ $EUID -eq 0 ]]; then
        become_somebody
    fi
    (umask 077 && printf '%s\n' "$secret" >"$data/password")
    chown --reference "$data" "$data/password"
    # On loopback, a password as it is costs a test nothing; a hashed one costs every connection thousands of rounds.
    if ! in_good_place "${run_as[@]}" "$postgres_bin/initdb" --pgdata "$data/cluster" --username postgres \
        --auth password --pwfile "$data/password" --encoding UTF8 --locale C.UTF-8 --no-sync >>"$folder/log" 2>&1; then
        show_log postgres
        fail 'initdb failed'
    fi
    rm "$data/password"
    launch INT env -C / "${run_as[@]}" "$postgres_bin/postgres" -D "$data/cluster" -p "$port" \
        -c listen_addresses=127.0.0.1 -c unix_socket_directories=
    url=postgres://postgres:$secret@127.0.0.1:$port/postgres
}

# PostgreSQL refuses to run as root. The other user gets a folder of its own, in /tmp where it cannot reach this one.
become_somebody() {
    local somebody=postgres
    if ! id -u "$somebody" >/dev/null 2>&1; then
        somebody=nobody
    fi
    run_as=(setpriv --reuid "$(id -u "$somebody")" --regid "$(id -g "$somebody")" --clear-groups)
    chown "$somebody" "$data"
    if ! in_good_place "${run_as[@]}" test -w "$data" 2>/dev/null; then
        data=$(mktemp -d /tmp/ticketing-postgres.XXXXXXXX)
        printf '%s\n' "$data" >"$folder/elsewhere"
        chown "$somebody" "$data"
    fi
}

# Programs look at the folder they are started in, which another user may not be allowed to.
in_good_place() {
    env -C / "$@"
}

start_nats() {
    local secret
    secret=$(new_secret)
    (umask 077 && cat >"$folder/nats.conf") <<END
listen: "127.0.0.1:$port"
authorization { user: ticketing, password: "$secret" }
jetstream { store_dir: "$folder/data" }
END
    launch TERM nats-server --config "$folder/nats.conf"
    url=nats://ticketing:$secret@127.0.0.1:$port
}

# What it keeps is written once a second, so that it can be measured as it is used; but it keeps nothing after `down`.
start_redis() {
    local secret
    secret=$(new_secret)
    mkdir -m 700 "$folder/data"
    (umask 077 && cat >"$folder/redis.conf") <<END
bind 127.0.0.1
port $port
requirepass $secret
dir "$folder/data"
save ""
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
END
    launch TERM redis-server "$folder/redis.conf"
    url=redis://:$secret@127.0.0.1:$port
}

# Its files, its name and its ports are its own, so that it is nobody's neighbour. The daemon through which nodes find
# each other would otherwise be started on every interface, and stay.
start_rabbitmq() {
    local secret epmd_port dist_port variables
    secret=$(new_secret)
    epmd_port=$(free_port)
    dist_port=$(free_port)
    mkdir -m 700 "$folder/data"
    (umask 077 && cat >"$folder/rabbitmq.conf") <<END
listeners.tcp.1 = 127.0.0.1:$port
default_user = ticketing
default_pass = $secret
log.console = true
log.file = false
END
    printf '[].\n' >"$folder/plugins"
    variables=(HOME="$folder" ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT="$epmd_port"
        RABBITMQ_NODENAME=ticketing@localhost RABBITMQ_DIST_PORT="$dist_port" RABBITMQ_CONF_ENV_FILE=/dev/null
        RABBITMQ_CONFIG_FILE="$folder/rabbitmq.conf" RABBITMQ_ENABLED_PLUGINS_FILE="$folder/plugins"
        RABBITMQ_MNESIA_BASE="$folder/data" RABBITMQ_LOG_BASE="$folder/data" RABBITMQ_PID_FILE="$folder/data/pid"
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}')
    launch TERM env "${variables[@]}" epmd
    launch TERM env "${variables[@]}" "$rabbitmq"
    url=amqp://ticketing:$secret@127.0.0.1:$port/%2f
}

# It listens on every interface and can't be told otherwise, so Python itself is: see loopback/sitecustomize.py. What it
# writes to is always /tmp/localstripe.pickle, which it never reads when it starts from scratch.
start_stripe() {
    printf '/tmp/localstripe.pickle\n' >"$folder/elsewhere"
    launch TERM env -C "$folder" PYTHONPATH="$root/scripts/services.d/loopback" PYTHONDONTWRITEBYTECODE=1 \
        "$state-python/venv/bin/localstripe" --from-scratch --port "$port"
    url=http://127.0.0.1:$port
}

# 128 bits, in digits that mean the same in a URL and in every configuration.
new_secret() {
    head -c 16 /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}
