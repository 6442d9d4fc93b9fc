import io
import struct
import warnings
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from depth_pc_ros.errors import ImageError, SceneError
from depth_pc_ros.files.image_file import decode_image, read_grey16, read_image
from depth_pc_ros.perception.goal_mask import read_mask

RGB = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8), (0, 0), 1.5)


def encoded(suffix: str, image=RGB) -> bytes:
    return cv2.imencode(suffix, image)[1].tobytes()


def saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif_orientation(number: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = number
    return exif


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header claims a size, with hardly any data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def jpeg_of_size(width: int, height: int) -> bytes:
    data = bytearray(encoded(".jpg"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [encoded(".png"), encoded(".jpg"), encoded(".bmp"), encoded(".tiff"), encoded(".webp"), encoded(".ppm"),
     encoded(".png", RGB[..., 0]), encoded(".png", np.dstack([RGB, RGB[..., 0]])),
     encoded(".png", RGB[..., 0].astype(np.uint16) * 200), encoded(".png", RGB.astype(np.uint16) * 200),
     saved(Image.fromarray(RGB), "JPEG", exif=exif_orientation(6)),
     saved(Image.fromarray(RGB), "JPEG", progressive=True)],
    ids="png jpg bmp tiff webp ppm grey alpha grey16 rgb16 turned progressive".split(),
)  # fmt: skip
def test_images_look_as_opencv_reads_them(tmp_path, data):
    expected = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    (tmp_path / "image").write_bytes(data)
    image = read_image(tmp_path / "image", "goal image")
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, expected)
    assert image.flags.writeable


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tiff"])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.9, 0.98])
def test_a_file_that_is_cut_off_is_refused(tmp_path, suffix, share):
    data = encoded(suffix)
    path = tmp_path / f"goal{suffix}"
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ImageError, match=rf"^goal image: cannot read .*goal\{suffix}: not (a whole|an) image") as error:
        read_image(path, "goal image")
    assert "\n" not in str(error.value)
    with pytest.raises(ImageError, match=r"^mask: cannot read"):
        read_mask(path)
    with pytest.raises(ImageError, match=r"^live: "):
        decode_image(path.read_bytes(), "live")


BOMBS = [png_of_size(60_000, 60_000), png_of_size(2**31 - 1, 2**31 - 1), jpeg_of_size(65_000, 65_000)]


@pytest.mark.parametrize("data", BOMBS, ids=["png", "larger", "jpeg"])
def test_a_size_is_refused_before_it_is_decoded(tmp_path, data):
    (tmp_path / "bomb.png").write_bytes(data)
    with pytest.raises(
        SceneError, match=r"images: cannot read .*bomb\.png: .*(megapixels, got|exceeds limit)"
    ) as error:
        read_image(tmp_path / "bomb.png", "images", SceneError)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "data",
    [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
     saved(Image.fromarray(RGB), "GIF"), b"<svg xmlns='http://www.w3.org/2000/svg'/>"],
    ids="empty text png-start jpeg-start eps gif svg".split(),
)  # fmt: skip
def test_other_files_are_refused(data):
    with pytest.raises(ImageError, match=r"^goal: not (a whole|an) image"):
        decode_image(data, "goal")


def test_a_damaged_png_is_refused():
    data = bytearray(encoded(".png"))
    data[len(data) // 2] ^= 255
    with pytest.raises(ImageError, match="not a whole image"):
        decode_image(bytes(data), "goal")


def test_floating_point_pixels_are_refused():
    with pytest.raises(ImageError, match="expected 8 or 16 bits a channel"):
        decode_image(saved(Image.fromarray(RGB[..., 0].astype(np.float32)), "TIFF"), "goal")


def test_depth_is_one_channel_of_16_bits(tmp_path):
    path = tmp_path / "depth.png"
    millimetres = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 20
    for suffix in (".png", ".tiff"):
        path.write_bytes(encoded(suffix, millimetres))
        np.testing.assert_array_equal(read_grey16(path, "depth"), millimetres)
    for other in (RGB, RGB[..., 0], RGB.astype(np.uint16)):
        path.write_bytes(encoded(".png", other))
        with pytest.raises(ImageError, match="expected one 16-bit channel, got mode"):
            read_grey16(path, "depth")


def test_damaged_tags_are_no_lines_on_the_terminal():
    data = bytearray(saved(Image.fromarray(RGB), "JPEG", exif=exif_orientation(6)))
    at = data.index(b"Exif")
    data[at + 14 : at + 16] = b"\xff\x7f"  # number of tags
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decode_image(bytes(data), "goal")


def test_a_coloured_place_of_a_mask_is_not_black(tmp_path):
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[:20] = (0, 0, 1)
    cv2.imwrite(str(tmp_path / "mask.png"), picture)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png") > 0, picture.any(axis=2))


JPEGS = [{}, {"optimize": True}, {"restart_marker_rows": 1}, {"subsampling": 0}, {"quality": 20}]


@pytest.mark.parametrize("options", JPEGS, ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_whose_data_end_early_is_refused_though_its_end_marker_is_there(options, mode):
    data = saved(Image.fromarray(RGB).convert(mode), "JPEG", **options)
    assert decode_image(data, "live").shape == RGB.shape
    assert decode_image(data + b"trailing\xff\xd9", "live").shape == RGB.shape
    start = data.rindex(b"\xff\xda") + 14
    for share in (0.2, 0.5, 0.9, 0.97):
        cut = data[: start + int(share * (len(data) - start))].rstrip(b"\xff") + b"\xff\xd9"
        with pytest.raises(ImageError, match=r"^live: not a whole image: its data end before its last rows"):
            decode_image(cut, "live")
