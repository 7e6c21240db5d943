# Sourced by the scripts here: installs what they need and a machine with only Rust and a C compiler lacks. What cargo
# installs stays in its own bin folder, so it is built once.

fail() {
    printf '%s\n' "$@" >&2
    return 1
}

need_component() {
    if ! cargo "$1" --version >/dev/null 2>&1; then
        rustup component add "$2"
    fi
}

# A version that the oldest supported Rust can build; any that is there already will do.
need_nextest() {
    if ! cargo nextest --version >/dev/null 2>&1; then
        install_tool cargo-nextest --version 0.9.143
    fi
}

# deny.toml is written for this version line; others read it differently or not at all.
need_deny() {
    if [[ $(cargo deny --version 2>/dev/null) != 'cargo-deny 0.20.'* ]]; then
        install_tool cargo-deny --version '^0.20'
    fi
}

# `python` is the interpreter of its environment.
need_schemathesis() {
    local folder=${CARGO_TARGET_DIR:-target}/check-api
    need_python_environment "$folder" scripts/check-api.d/requirements.txt
    python=$folder/venv/bin/python
}

# `infra_tools` is the folder of kubectl, the linters and the interpreter of their environment. Several that want it at the
# same time wait for the first.
need_infra_tools() {
    local folder=${CARGO_TARGET_DIR:-target}/check-infra
    mkdir -p "$folder"
    (
        flock 9
        need_python_environment "$folder" scripts/check-infra.d/requirements.txt
    ) 9>"$folder/lock"
    infra_tools=$folder/venv/bin
}

need_promtool() {
    promtool=$(program_of_package promtool prometheus usr/bin)
}

need_nginx() {
    nginx=$(program_of_package nginx nginx usr/sbin)
}

# program_of_package PROGRAM PACKAGE PATH: where it is, if need be in a folder of its own, where its package is unpacked:
# installed, that would be a server that starts.
program_of_package() {
    local folder=${CARGO_TARGET_DIR:-target}/check-infra/$2 program
    program=$(command -v "$1" || printf '%s/%s/%s' "$folder" "$3" "$1")
    if [[ ! -x $program ]]; then
        if ! command -v apt-get >/dev/null; then
            fail "$1 is missing, and there is no apt-get to fetch the package $2 with."
            return 1
        fi
        rm -rf "$folder"
        mkdir -p "$folder"
        # `set -e` does not reach into where this is called.
        fetch_package "$folder" "$2" || return 1
        dpkg-deb --extract "$folder/$2"_*.deb "$folder" || return 1
        rm "$folder/$2"_*.deb
    fi
    printf '%s\n' "$program"
}

# fetch_package FOLDER NAME. Lists of packages may be missing or too old: they are fetched when the first try fails.
fetch_package() {
    local become=()
    if (cd "$1" && apt-get -q download "$2" >/dev/null 2>&1); then
        return
    fi
    if [[ $EUID -ne 0 ]]; then
        become=(sudo -n)
    fi
    "${become[@]}" apt-get -q -o DPkg::Lock::Timeout=300 update >/dev/null || return 1
    (cd "$1" && apt-get -q download "$2" >/dev/null)
}

# need_python_environment FOLDER REQUIREMENTS: FOLDER/venv, where they are installed. It is made anew when they have
# changed.
need_python_environment() {
    if cmp -s "$2" "$1/installed.txt"; then
        return
    fi
    has_python || install_python || true
    if ! has_python; then
        printf '%s\n' 'Python 3.11 or newer with its module venv is missing: on Debian and Ubuntu, apt-get install' \
            "python3-venv. What $2 lists is installed into an environment that python3 -m venv makes." >&2
        return 1
    fi
    python3 -m venv --clear "$1/venv"
    "$1/venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$2"
    cp "$2" "$1/installed.txt"
}

# Where that takes a package only, and nobody has to be asked for a password.
install_python() {
    local become=()
    command -v apt-get >/dev/null || return 1
    if [[ $EUID -ne 0 ]]; then
        become=(sudo -n)
    fi
    "${become[@]}" apt-get -q -o DPkg::Lock::Timeout=300 update >/dev/null &&
        "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
            --no-install-recommends install python3-venv >/dev/null
}

has_python() {
    python3 -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# The servers that tests talk to.
test_services=(postgres nats rabbitmq redis stripe)

# Brings them up, and puts where they are into the environment of whatever runs later. Those that were not up before are
# stopped when the script ends. A test that kills a database starts one of its own, for which it needs the programs.
need_test_services() {
    local name settings
    for name in "${test_services[@]}"; do
        if [[ $(scripts/services status "$name") != *started ]]; then
            services_to_stop+=("$name")
        fi
    done
    at_end=(stop_services)
    scripts/services up "${test_services[@]}"
    # A server that was found may run where its program is not, and some tests start servers, or a browser, of their own.
    scripts/services programs "${test_services[@]}" browser
    settings=$(scripts/services env "${test_services[@]}" browser)
    eval "$settings"
    TICKETING_TEST_POSTGRES_BIN=$(scripts/services postgres-bin)
    export TICKETING_TEST_POSTGRES_BIN
}

services_to_stop=()

# Those that were found are nothing to it.
stop_services() {
    if [[ ${#services_to_stop[@]} -gt 0 ]]; then
        scripts/services down "${services_to_stop[@]}"
    fi
}

# A machine of continuous integration may start empty every time. There the tools are built without optimisation, which
# takes half the time, and what they do here is not noticeably slower for it.
install_tool() {
    if [[ -n ${CI:-} ]]; then
        CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=256 \
            cargo install --locked "$@"
    else
        cargo install --locked "$@"
    fi
}
