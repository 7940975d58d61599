"""The first bytes of an image tell its size."""

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.imagesize import Size, image_size

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 640, 480) + b"\x08\2\0\0\0"
GIF = b"GIF89a" + struct.pack("<HH", 12, 34) + b"\0\0\0"
JPEG = (
    b"\xff\xd8\xff\xe0\0\x10JFIF\0" + b"\0" * 9 + b"\xff\xff\xc2\0\x11\x08" + struct.pack(">HH", 300, 400) + b"\3" + b"\0" * 9
)  # a fill byte before the frame, and a progressive frame
WEBP_VP8 = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 50, 60)
WEBP_VP8L = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", (70 - 1) | (80 - 1) << 14)
WEBP_VP8X = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0" + (900 - 1).to_bytes(3, "little") + (800 - 1).to_bytes(3, "little")


@pytest.mark.parametrize(
    ("head", "size"),
    [
        (PNG, Size(640, 480)),
        (GIF, Size(12, 34)),
        (JPEG, Size(400, 300)),
        (WEBP_VP8, Size(50, 60)),
        (WEBP_VP8L, Size(70, 80)),
        (WEBP_VP8X, Size(900, 800)),
        (b"\xff\xd8\xff\xe1\xff\xff", Size(0, 0)),
        (b"\x89PNG\r\n\x1a\n", None),
        (b"%PDF-1.4", None),
        (b"", None),
    ],
)
def test_sizes(head: bytes, size: Size | None) -> None:
    assert image_size(base64.b64encode(head).decode()) == size


@given(st.sampled_from([PNG, GIF, JPEG, WEBP_VP8, WEBP_VP8L, WEBP_VP8X]), st.integers(0, 60), st.binary(max_size=40))
def test_any_bytes_are_a_size_or_none(head: bytes, cut: int, tail: bytes) -> None:
    size = image_size(base64.b64encode(head[:cut] + tail).decode())
    assert size is None or size.width >= 0


@pytest.mark.parametrize("data", ["not base64!", "AAA", "é"])
def test_what_is_no_base64_is_no_image(data: str) -> None:
    assert image_size(data) is None
