"""Make the CMake files of the ROS 2 wheels name this environment.

The wheels were built in a container, and their `share/**/*.cmake` still name its folders: Python's headers in
`/opt/python/cp3XX-cp3XX/include/...` and NumPy's in `/opt/python/cp3XX-cp3XX/lib/python3.X/site-packages`.
Run it with the Python of the environment that holds the wheels.
"""

import re
import sys
import sysconfig
from pathlib import Path

CONTAINER = r"/opt/python/cp\d+-cp\d+"


def relocate(text: str, headers: str, site_packages: str) -> str:
    """Return the CMake `text` with the container's folders replaced by `headers` and `site_packages`."""
    text = re.sub(CONTAINER + r"/include/python3\.\d+", lambda _: headers, text)
    return re.sub(CONTAINER + r"/lib/python3\.\d+/site-packages", lambda _: site_packages, text)


def main() -> None:
    paths = sysconfig.get_paths()
    for path in Path(sys.prefix, "share").rglob("*.cmake"):
        text = path.read_text()
        relocated = relocate(text, paths["include"], paths["purelib"])
        if relocated != text:
            path.write_text(relocated)


if __name__ == "__main__":
    main()
