import pytest

from depth_pc_ros.errors import FileError, SceneError
from depth_pc_ros.files.json_file import parse_json, read_json


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "expected at most 32 levels"),
        ("[" * 40 + "]" * 40, "expected at most 32 levels"),
        ('{"a":' * 900 + "1" + "}" * 900, "expected at most 32 levels"),
        ("9" * 5000, "expected a number of at most 40 digits, got one of 5000"),
        ("1." + "9" * 5000, "expected a finite number of at most 40 digits"),
        ("1e999", "expected a finite number"),
        ("NaN", "expected a finite number, got NaN"),
        ("[-Infinity]", "expected a finite number, got -Infinity"),
        ('{"a": 1, "a": 2}', "expected every key once, got 'a' twice"),
        ("{\n'a': 1}", "line 2: expected JSON"),
        ("", "expected JSON"),
        ("1 2", "expected JSON, Extra data at column 3"),
    ],
)
def test_what_is_not_strict_json_is_refused_in_one_line(tmp_path, text, words):
    with pytest.raises(FileError, match=words) as error:
        parse_json(text)
    assert "\n" not in str(error.value)
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(SceneError, match=rf"^what: cannot read .*a\.json: .*{words}"):
        read_json(tmp_path / "a.json", "what", SceneError)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "a.json").write_bytes(b'{"a":\n "\xff"}')
    with pytest.raises(FileError, match="line 2: expected UTF-8, got byte 0xff"):
        read_json(tmp_path / "a.json", "what")


def test_what_was_written_is_read():
    assert parse_json('{"a": [1, -2.5e-3, null, true, "\\u00e9"]}') == {"a": [1, -0.0025, None, True, "é"]}
