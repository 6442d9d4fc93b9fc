#!/usr/bin/env bash
# Feeds damaged files to every reader for some minutes: `scripts/fuzz.sh --minutes 10`, `scripts/fuzz.sh --target yaml`.
# What breaks one is kept in out/fuzz. With atheris (pip install atheris) it searches by the code that is reached.
set -euo pipefail

scripts="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
"$scripts/setup.sh"
# shellcheck source=env.sh
source "$scripts/env.sh"
cd "$scripts/.."
exec nice -n 10 python test/fuzz/fuzz_run.py "$@"
