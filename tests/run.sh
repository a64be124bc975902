#!/usr/bin/env bash
# Every test, on a machine that has Rust, git and Python: adds what is missing, then `cargo test`. Some tests
# watch uv with strace or run make; both come from the system's packages. Where this may not install them, those fail.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
for program in strace make; do
    command -v "$program" >/dev/null || missing+=("$program")
done
if [ "${#missing[@]}" -gt 0 ] && command -v apt-get >/dev/null; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    "${as_root[@]}" apt-get update --quiet && "${as_root[@]}" apt-get install --yes --quiet "${missing[@]}" ||
        echo "missing: ${missing[*]}: the tests of tests/it/programs/strace.rs or tests/it/make will fail" >&2
fi

cargo test --locked "$@"
