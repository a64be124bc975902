#!/usr/bin/env bash
# The main job on the seed's three environments, with real uv, from nothing: builds envloom, assembles the
# repository, then generates, locks, checks, verifies and syncs dev, staging and prod. Every line it runs is
# shown. Needs Rust, git and Python 3.8 or newer; envloom fetches uv itself where it is missing.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../.." && pwd)"

step() { printf '\n$ %s\n' "$*" >&2; "$@"; }

step cargo build --release --locked --manifest-path "$root/Cargo.toml"
envloom="${CARGO_TARGET_DIR:-$root/target}/release/envloom"
step python3 "$here/assemble.py"
eval "$(python3 "$here/assemble.py" --env)"
cd "$here/build/vlm-hyperbench"

step "$envloom" lock
step git add --all
if ! git diff --cached --quiet; then
    step git -c user.name=Maintainer -c user.email=maintainer@example.com commit --quiet --message "Lock all environments"
fi
step "$envloom" check verify
step "$envloom" sync:dev@* sync:staging@* sync:prod@*
step "$envloom" run dev@cu124 -- python tests/smoke.py
step "$envloom" run prod@cpu -- python tests/smoke.py
step "$envloom" check verify "sync:*@*"
