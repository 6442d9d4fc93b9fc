#!/usr/bin/env bash
# A simulated wrist camera drives itself to a goal image through the real ROS 2 nodes. `scripts/demo.sh --help` shows
# the options. The first call sets everything up (minutes); later ones start at once.
set -euo pipefail

scripts="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
"$scripts/setup.sh"
# shellcheck source=env.sh
source "$scripts/env.sh"
exec python -m depth_pc_ros.cli.demo "$@"
