# Sourced by scripts/test, scripts/nightly and scripts/check-api: installs what they need and a machine with only Rust and a C compiler
# lacks. What cargo installs stays in its own bin folder, so it is built once.

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

# It is Python, so it gets an environment of its own, which is made anew when its requirements have changed. `python` is
# the interpreter there.
need_schemathesis() {
    local folder=${CARGO_TARGET_DIR:-target}/check-api
    local wanted=scripts/check-api.d/requirements.txt
    python=$folder/venv/bin/python
    if cmp -s "$wanted" "$folder/installed.txt"; then
        return
    fi
    if ! python3 -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        printf '%s\n' 'Python 3.11 or newer with its module venv is missing: on Debian and Ubuntu, apt-get install' \
            'python3-venv. Schemathesis is installed into an environment that python3 -m venv makes.' >&2
        return 1
    fi
    python3 -m venv --clear "$folder/venv"
    "$python" -m pip install --quiet --disable-pip-version-check --requirement "$wanted"
    cp "$wanted" "$folder/installed.txt"
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
