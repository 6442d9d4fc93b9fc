#!/usr/bin/env bash
# Lint, types, then the test suite in two processes. Arguments go to pytest: `scripts/test.sh test/geometry -k twist`;
# `-n 0` runs all in one process, as a debugger needs it.
set -euo pipefail

scripts="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
"$scripts/setup.sh"
# shellcheck source=env.sh
source "$scripts/env.sh"
cd "$scripts/.."
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" # of each of the two processes; more would only compete
ruff check
ruff format --check
mypy
exec python -m pytest -n 2 --dist loadfile "$@"
