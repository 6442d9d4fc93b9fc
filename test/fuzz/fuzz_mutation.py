"""A plain mutation of bytes, for where atheris is not installed, and for the tests: the same seed gives the same."""

import random

TOKENS = [
    b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x80\x00", b"\xd9", b"\xc3\x28", "é".encode(), b"\n", b" ", b"'", b'"',
    b"\\", b"-", b"-1", b"0", b"0x", b"1e999", b"NaN", b"nan", b"inf", b"9" * 60, b"null", b"true", b"~", b"1:2",
    b"2020-01-01", b"[]", b"{}", b"[" * 50, b"{" * 20, b'{"a":' * 20, b"&a ", b"*a", b"<<: ", b"!!int x", b"!!x",
    b"? ", b": ", b"- ", b"|\n", b"%", b"#", b"/", b"//", b"../", b"<!DOCTYPE x>", b"</", b"<a>",
]  # fmt: skip
MAX_BYTES = 20_000


def mutated(rng: random.Random, seeds: list[bytes]) -> bytes:
    """One of the seeds, changed in one to eight places."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at, length = rng.randint(0, len(data)), rng.choice((1, 2, 4, 16, 64))
        kind = rng.randrange(7)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at : at + length] = rng.randbytes(length)
        elif kind == 2:
            data[at:at] = rng.choice(TOKENS)
        elif kind == 3:
            data[at : at + length] = rng.choice(TOKENS)
        elif kind == 4:
            del data[at : at + length]
        elif kind == 5:
            data[at:at] = data[at : at + length] * rng.choice((1, 2, 40))
        elif rng.random() < 0.5:
            del data[at:]
        else:
            other = rng.choice(seeds)
            data[at:] = other[rng.randint(0, len(other)) :]
    return bytes(data[:MAX_BYTES])
