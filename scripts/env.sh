# shellcheck shell=bash disable=SC1091
# The environment of depth_pc_ros for a bash shell: `source scripts/env.sh`, from any folder, after a first set-up.
# Puts .venv, ROS 2 and both packages on the paths. Values that you set yourself (ROS_DOMAIN_ID, ...) are kept.

_depth_pc_env() {
    local root="$1" venv="$1/.venv" built_on
    if [ ! -f "$root/install/local_setup.bash" ] || [ ! -f "$venv/built_on" ]; then
        echo "env.sh: nothing is set up yet. Run $root/scripts/setup.sh first." >&2
        return 1
    fi
    built_on="$(cat "$venv/built_on")"
    if [ "$built_on" != "${ROS_DISTRO:-wheels}" ]; then
        echo "env.sh: set up with ROS 2 from '$built_on', but this shell has '${ROS_DISTRO:-no ROS sourced}':" \
            "use a shell like the first, or run $root/scripts/setup.sh again." >&2
        return 1
    fi

    # Once is enough: sourcing again would only repeat every entry.
    if [ "${DEPTH_PC_ROS_ENV:-}" != "$root" ]; then
        export DEPTH_PC_ROS_ENV="$root"
        export PATH="$venv/bin:$PATH"
        [ "$built_on" != wheels ] || _depth_pc_wheels "$venv"
        # colcon's scripts read variables that may be unset.
        local nounset=false
        case "$-" in *u*) nounset=true; set +u ;; esac
        source "$root/install/local_setup.bash"
        ! "$nounset" || set -u
        # The sources before colcon's links to them, so that tracebacks and __file__ name the real files.
        export PYTHONPATH="$root:${PYTHONPATH:-}"
    fi

    # Nothing leaves this machine, and two clones on it do not meet (1-100 are valid for every port range of Linux).
    export ROS_AUTOMATIC_DISCOVERY_RANGE="${ROS_AUTOMATIC_DISCOVERY_RANGE:-LOCALHOST}"
    export ROS_DOMAIN_ID="${ROS_DOMAIN_ID:-$(($(printf %s "$root" | cksum | cut -d' ' -f1) % 100 + 1))}"
    # Logs and caches that would otherwise land in the home folder.
    export ROS_HOME="${ROS_HOME:-$root/log/ros}"
    export ROS_LOG_DIR="${ROS_LOG_DIR:-$root/log/ros}"
    export COLCON_HOME="${COLCON_HOME:-$root/log/colcon}"
    export MPLCONFIGDIR="${MPLCONFIGDIR:-$root/log/matplotlib}"
}

# What a ROS installation's own setup.bash would have set, for ROS from PyPI wheels.
_depth_pc_wheels() {
    local venv="$1" libraries
    libraries="$(printf '%s:' "$venv"/lib "$venv"/lib/python3.*/site-packages/ros_*.libs)"
    export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:-}"
    export LD_LIBRARY_PATH="${LD_LIBRARY_PATH%:}"
    export AMENT_PREFIX_PATH="$venv"
    export RMW_IMPLEMENTATION="${RMW_IMPLEMENTATION:-rmw_fastrtps_cpp}"
    # The wheels restart every Python to set LD_LIBRARY_PATH, unless this says that it is set.
    export _ROS_WHEELS_BOOTSTRAP_COMPLETE=1
}

_depth_pc_env "$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
