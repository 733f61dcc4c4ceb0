# lib.sh - what every gate needs: the repository's top, the list of our sources, and one way to say ok or not ok.
# shellcheck shell=bash
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$top"
# shellcheck disable=SC2034 # used by the gates
build=${SHOPSTREAM_RELEASE:-$top/build}

sources() { git ls-files --cached --others --exclude-standard -- "$@" | sort; }

failures=0
problem() {
    printf '%s\n' "$*" >&2
    failures=$((failures + 1))
}

# finish NAME: prints the verdict of the gate and exits by it.
finish() {
    if [ "$failures" -eq 0 ]; then
        echo "ok $1"
        exit 0
    fi
    echo "not ok $1: $failures problem(s)"
    exit 1
}
