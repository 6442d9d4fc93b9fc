#!/usr/bin/env bash
# Lint, types, then the test suite. Arguments go to pytest: `scripts/test.sh test/geometry -k twist`.
set -euo pipefail

scripts="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
"$scripts/setup.sh"
# shellcheck source=env.sh
source "$scripts/env.sh"
cd "$scripts/.."
ruff check
ruff format --check
mypy
exec python -m pytest "$@"
