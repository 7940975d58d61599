"""What holds of media wherever they go."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.media import image_type, refuse_others_files, words_of
from ccproxy_cli.core.parts import FileRef, Inline, Link, PlainText

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n0000").decode()


@pytest.mark.parametrize(
    ("begins", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
        (b"BM", "image/bmp"),
    ],
)
def test_an_image_is_what_its_bytes_say(begins: bytes, media_type: str) -> None:
    assert image_type(Inline("image/bmp", base64.b64encode(begins + b"0000").decode())) == media_type


@pytest.mark.parametrize("label", ["image/jpg", "image/*", ""])
def test_a_label_that_says_nothing_is_the_usual_one(label: str) -> None:
    assert image_type(Inline(label, "AAAA")) == "image/jpeg"


@given(st.text())
def test_a_text_file_is_its_words(words: str) -> None:
    assert words_of(Inline("text/plain", base64.b64encode(words.encode()).decode()), "here") == words


@pytest.mark.parametrize("data", ["%%%", "/w==", "a"])
def test_what_is_no_text_is_refused_by_its_place(data: str) -> None:
    with pytest.raises(BadRequest) as caught:
        words_of(Inline("text/plain", data), "here")
    assert caught.value.param == "here"


def test_a_file_is_read_by_its_issuer_alone() -> None:
    for source in (FileRef("me", "1"), Inline("image/png", PNG), Link("https://a.test"), PlainText("a")):
        refuse_others_files(source, "me", "here")
    with pytest.raises(BadRequest, match="here: the file '1' lives at them, where me cannot read it"):
        refuse_others_files(FileRef("them", "1"), "me", "here")
