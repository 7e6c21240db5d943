# Sourced by scripts/services: a real browser for the tests of the pages. It is no service, but a program that tests
# start and steer themselves: Chromium, its driver, and axe-core, which looks for what keeps people out of a page.

# Pinned: another version finds other things. It is under the MPL: a tool that tests read, never a part of ours.
axe_version=4.14.1
axe_folder=$state-browser/axe-core-$axe_version

need_browser() {
    need_browser_program Chromium chromium find_chromium
    need_browser_program ChromeDriver chromium-driver find_chromedriver
    need_axe
}

# need_browser_program WHAT PACKAGE TEST: TEST finds it, before or after the package was installed.
need_browser_program() {
    local why
    if "$3"; then
        return
    fi
    if why=$(cannot_install); then
        fail "$1 is not installed, and can't be installed by this script: $why. On Debian: apt-get install $2." \
            "If it is somewhere else, say where with TICKETING_TEST_CHROMIUM and TICKETING_TEST_CHROMEDRIVER."
    fi
    install_package "$2"
    "$3" || fail "the package $2 was installed, but is not where it is looked for"
}

find_chromium() {
    chromium=${TICKETING_TEST_CHROMIUM:-$(command -v chromium || true)}
    [[ -x $chromium ]]
}

find_chromedriver() {
    chromedriver=${TICKETING_TEST_CHROMEDRIVER:-$(command -v chromedriver || true)}
    [[ -x $chromedriver ]]
}

# npm only brings the package here, and checks that it is whole: nothing of it is run outside of a page.
need_axe() {
    if find_axe; then
        return
    fi
    if ! command -v npm >/dev/null; then
        fail 'npm is missing, which brings axe-core: on Debian and Ubuntu, apt-get install npm.' \
            'If there is an axe.min.js somewhere, say where with TICKETING_TEST_AXE.'
    fi
    printf 'fetching axe-core %s\n' "$axe_version" >&2
    rm -rf "$axe_folder"
    mkdir -p "$axe_folder"
    (
        cd "$axe_folder"
        npm pack --silent "axe-core@$axe_version" >/dev/null
        tar -xzf "axe-core-$axe_version.tgz" --strip-components=1 package/axe.min.js
        rm "axe-core-$axe_version.tgz"
    )
    find_axe || fail "axe-core $axe_version could not be fetched"
}

find_axe() {
    axe=${TICKETING_TEST_AXE:-$axe_folder/axe.min.js}
    [[ -s $axe ]]
}

# Where they are, for whom the tests start.
browser_env() {
    if find_chromium && find_chromedriver && find_axe; then
        printf 'export TICKETING_TEST_CHROMIUM=%q\n' "$chromium"
        printf 'export TICKETING_TEST_CHROMEDRIVER=%q\n' "$chromedriver"
        printf 'export TICKETING_TEST_AXE=%q\n' "$axe"
    fi
}
