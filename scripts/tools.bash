# Sourced by scripts/test and scripts/nightly: installs what they need and a machine with only Rust and a C compiler
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
