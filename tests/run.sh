#!/usr/bin/env bash
# Every test, on a machine that has Rust, git and Python: adds what is missing, then `cargo test`. One test watches
# uv with strace, which comes from the system's packages; where this may not install it, that test says what to do.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v strace >/dev/null && command -v apt-get >/dev/null; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update --quiet && "${as_root[@]}" apt-get install --yes --quiet strace ||
        echo "strace could not be installed: the tests of tests/it/programs/strace.rs will fail" >&2
fi

cargo test --locked "$@"
