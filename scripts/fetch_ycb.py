"""Downloads the YCB meshes that the benchmark uses, as NAME/{model.urdf, textured.obj, texture_map.jpg, collision.stl}.

    python scripts/fetch_ycb.py --output ../shared/ycb

They are the `google_16k` meshes of 21 objects of the YCB Object and Model Set (B. Calli et al., IEEE RAM 22(3), 2015),
CC BY 4.0, https://www.ycbbenchmarks.com. What is there already is kept.
"""

import argparse
import io
import sys
import tarfile
import urllib.request
from pathlib import Path

import cv2

from depth_pc_ros.files.image_file import decode_image

SOURCE = "http://ycb-benchmarks.s3-website-us-east-1.amazonaws.com/data/google"
TEXTURE_PX = 2048
MAX_BYTES = 200_000_000  # of an archive, and of a file in it
# Mass in kg, and the visual origin in m: it puts the middle of the object at the origin of the body.
OBJECTS = {
    "002_master_chef_can": (0.414, 0.017071, 0.009763, -0.070584),
    "003_cracker_box": (0.411, 0.014854, 0.014205, -0.102205),
    "004_sugar_box": (0.514, 0.007698, 0.017078, -0.086024),
    "005_tomato_soup_can": (0.349, 0.009342, -0.084224, -0.050026),
    "006_mustard_bottle": (0.603, 0.015054, 0.023109, -0.075042),
    "007_tuna_fish_can": (0.171, 0.025996, 0.02214, -0.01299),
    "008_pudding_box": (0.187, -0.001518, -0.018796, -0.018658),
    "009_gelatin_box": (0.097, 0.022676, 0.00786, -0.013878),
    "010_potted_meat_can": (0.37, 0.03284, 0.026353, -0.037831),
    "011_banana": (0.066, 0.009936, -0.004073, -0.017127),
    "019_pitcher_base": (0.178, 0.013413, -0.033477, -0.122636),
    "021_bleach_cleanser": (1.131, 0.017139, -0.011574, -0.099698),
    "024_bowl": (0.147, 0.014272, 0.045728, -0.026772),
    "025_mug": (0.118, 0.018859, -0.016573, -0.026899),
    "035_power_drill": (0.895, 0.030715, -0.024351, -0.023568),
    "036_wood_block": (0.729, -0.023373, 0.010274, -0.102769),
    "037_scissors": (0.082, -0.014592, -0.003162, -0.007401),
    "040_large_marker": (0.0158, 0.035725, 0.007881, -0.009018),
    "051_large_clamp": (0.125, 0.002385, 0.021572, -0.017437),
    "052_extra_large_clamp": (0.202, 0.02955, 0.036605, -0.018079),
    "061_foam_brick": (0.028, 0.018625, -0.016955, -0.024644),
}
URDF = """<robot name="{name}">
  <link name="base_link">
    <visual>
      <origin xyz="{origin}" rpy="0 0 0"/>
      <geometry><mesh filename="textured.obj"/></geometry>
    </visual>
    <collision>
      <origin xyz="{origin}" rpy="0 0 0"/>
      <geometry><mesh filename="collision.stl"/></geometry>
    </collision>
    <inertial>
      <mass value="{mass}"/>
      <inertia ixx="1e-3" ixy="0" ixz="0" iyy="1e-3" iyz="0" izz="1e-3"/>
    </inertial>
  </link>
</robot>
"""


def unpack(archive: bytes, name: str, folder: Path) -> None:
    """Write the four files of one object from its `google_16k` archive. Raises ValueError when a file is missing."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        members = {Path(member.name).name: member for member in tar.getmembers() if "google_16k" in member.name}
        files = {}
        for file in ("textured.obj", "texture_map.png", "nontextured.stl"):
            if file not in members:
                raise ValueError(f"{name}: expected google_16k/{file} in the archive, found {sorted(members)}")
            if not members[file].isfile() or members[file].size > MAX_BYTES:
                raise ValueError(f"{name}: {file}: expected a file of at most {MAX_BYTES / 1e6:g} MB")
            files[file] = tar.extractfile(members[file]).read()
    picture = cv2.cvtColor(decode_image(files["texture_map.png"], f"{name}: texture_map.png"), cv2.COLOR_RGB2BGR)
    size = min(TEXTURE_PX, len(picture))
    picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    mass, *origin = OBJECTS[name]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "textured.obj").write_bytes(files["textured.obj"])
    (folder / "texture_map.jpg").write_bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
    (folder / "collision.stl").write_bytes(files["nontextured.stl"])
    urdf = URDF.format(name=name, mass=mass, origin=" ".join(map(str, origin)))
    (folder / "model.urdf").write_text(urdf, encoding="utf-8")  # last: it marks the object as complete


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="Where the objects go.")
    parser.add_argument("--source", default=SOURCE, metavar="URL", help=f"Of NAME_google_16k.tgz. Default: {SOURCE}.")
    return parser


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    for name in OBJECTS:
        folder = arguments.output / name
        if (folder / "model.urdf").is_file():
            continue
        url = f"{arguments.source}/{name}_google_16k.tgz"
        print(f"{name}: {url}", flush=True)
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:
                archive = answer.read(MAX_BYTES + 1)
            if len(archive) > MAX_BYTES:
                raise ValueError(f"expected at most {MAX_BYTES / 1e6:g} MB, the answer is larger")
            unpack(archive, name, folder)
        except (OSError, ValueError, tarfile.TarError) as error:
            print(f"fetch_ycb: {name}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
