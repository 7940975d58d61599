"""What stands on the command line, as a request."""

import pytest

from ccproxy_cli.cli.asking import media_type_of, read_schema


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x89PNG\r\n\x1a\nrest", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVE", None),
        (b"%PDF-1.7", "application/pdf"),
        (b"", None),
        (b"plain text", None),
    ],
)
def test_media_is_told_by_its_first_bytes(data: bytes, expected: str | None) -> None:
    assert media_type_of(data) == expected


def test_the_short_form_of_a_schema() -> None:
    assert read_schema("name, age int, height float, alive bool: still with us") == {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "height": {"type": "number"},
            "alive": {"type": "boolean", "description": "still with us"},
        },
        "required": ["name", "age", "height", "alive"],
        "additionalProperties": False,
    }
    assert read_schema("a\nb") == read_schema("a, b")
