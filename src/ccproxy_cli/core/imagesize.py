"""How large an image is, by its first bytes."""

import base64
import binascii
import struct

from attrs import frozen

_HEAD = 512 * 1024
"""Base64 characters to look at: a JPEG's dimensions may stand behind a large preview."""
_JPEG_FRAMES = frozenset({*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)})


@frozen
class Size:
    """In pixels; 0 where the head does not say."""

    width: int
    height: int


def image_size(data: str) -> Size | None:
    """Dimensions of a base64 image, or None if it is no PNG, JPEG, GIF or WebP."""
    try:
        head = base64.b64decode(data[:_HEAD], validate=True)
    except (binascii.Error, ValueError):
        return None
    try:
        return _size(head)
    except (struct.error, IndexError):
        return None


def _size(head: bytes) -> Size | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Size(*struct.unpack_from(">II", head, 16))
    if head.startswith((b"GIF87a", b"GIF89a")):
        return Size(*struct.unpack_from("<HH", head, 6))
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg_size(head)
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return _webp_size(head)
    return None


def _jpeg_size(head: bytes) -> Size:
    at = 2
    while at + 9 <= len(head):
        if head[at] != 0xFF:
            break
        marker = head[at + 1]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return Size(width, height)
        at += 1 if marker == 0xFF else 2 + struct.unpack_from(">H", head, at + 2)[0]
    return Size(0, 0)


def _webp_size(head: bytes) -> Size:
    kind = head[12:16]
    if kind == b"VP8X":
        return Size(1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little"))
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", head, 21)[0]
        return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    width, height = struct.unpack_from("<HH", head, 26)
    return Size(width & 0x3FFF, height & 0x3FFF)
