#!/usr/bin/env bash
# The main job on three environments, with real uv, from nothing: builds envloom, assembles the repository, then
# generates, locks, checks and verifies dev, staging and prod, promotes what staging has tested to prod, and syncs. Every line it runs is shown, as you would type
# it. Needs Rust, git and Python 3.10 or 3.12; envloom fetches uv itself where it is missing.
set -euo pipefail
cd "$(dirname "$0")"
root="$(cd ../.. && pwd)"

# Shows a command as it can be typed, in quotes where a shell would read more into it, and runs it.
step() {
    printf '\n$' >&2
    for word in "$@"; do
        case "$word" in
            *[!A-Za-z0-9_./:=@-]*) printf " '%s'" "$word" >&2 ;;
            *) printf ' %s' "$word" >&2 ;;
        esac
    done
    echo >&2
    "$@"
}

# Commits what there is to commit.
commit() {
    step git add --all
    if ! git diff --cached --quiet; then
        step git -c user.name=Maintainer -c user.email=maintainer@example.com commit --quiet --message "$1"
    fi
}

step cargo build --release --locked --manifest-path "$root/Cargo.toml"
PATH="$(cd "${CARGO_TARGET_DIR:-$root/target}/release" && pwd):$PATH"
step python3 assemble.py
eval "$(python3 assemble.py --env)"
step cd build/vlm-hyperbench

step envloom lock
commit "Lock all environments"
step envloom check verify
step envloom promote staging prod
commit "Promote staging to prod"
step envloom 'sync:dev@*' 'sync:staging@*' 'sync:prod@*'
step envloom run dev@cu124 -- python tests/smoke.py
step envloom run prod@cpu -- python tests/smoke.py
step envloom check verify 'sync:*@*'
