#!/usr/bin/env bash
# The fault campaign: random sequences of faults, and checks at every command; docs/reference/fault_campaign.md.
#
#   scripts/faults.sh --faults 10000 --seed 1 --law pbvs,ibvs   # in virtual time, in this process
#   scripts/faults.sh --processes --events 40                   # real processes, stopped and killed
set -euo pipefail

scripts="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
"$scripts/setup.sh"
# shellcheck source=env.sh
source "$scripts/env.sh"
cd "$scripts/.."
PYTHONPATH="test/support:test/faults:$PYTHONPATH" exec python test/faults/campaign.py "$@"
