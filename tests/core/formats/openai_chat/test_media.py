"""Images and documents of other formats."""

from typing import Any

import pytest

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.parts import Excerpts, FileRef, Inline, Link, Media, MediaKind, PlainText, Text
from tests.core.formats.openai_chat.chat import ask, encode, user

PDF = Inline("application/pdf", "JVBERi0=")
PDF_DATA = "data:application/pdf;base64,JVBERi0="


def document(source: Any, **members: Any) -> Media:
    return Media(MediaKind.DOCUMENT, source, **members)


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def file(data: str, name: str) -> dict[str, Any]:
    return {"type": "file", "file": {"file_data": data, "filename": name}}


SAID = [
    (Media(MediaKind.IMAGE, Inline("image/png", "aGk=")), [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}]),
    (Media(MediaKind.IMAGE, Link("https://a.test/b")), [{"type": "image_url", "image_url": {"url": "https://a.test/b"}}]),
    (Media(MediaKind.AUDIO, Inline("audio/mpeg", "aGk=")), [{"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}}]),
    (document(PDF), [file(PDF_DATA, "document-1.pdf")]),
    (document(PDF, name="Plan"), [file(PDF_DATA, "Plan.pdf")]),
    (document(PDF, name="a.pdf", context="From Ann."), [text("From Ann."), file(PDF_DATA, "a.pdf")]),
    (document(PlainText("words"), name="Notes", context="From Ann."), [text("[Notes]\nFrom Ann.\nwords")]),
    (document(Inline("text/markdown", "IyBIaQ=="), name="a.md"), [text("[a.md]\n# Hi")]),
    (document(Excerpts((Text("one"), Text("two"))), name="T"), [text("[T]\none"), text("two")]),
    (document(Excerpts((Media(MediaKind.IMAGE, Link("u")),)), name="T"), [text("[T]"), {"type": "image_url", "image_url": {"url": "u"}}]),
]


@pytest.mark.parametrize(("media", "parts"), SAID)
def test_media_are_said_in_this_formats_parts(media: Media, parts: list[dict[str, Any]]) -> None:
    body, losses = encode(ask(user(Text("see"), media)))
    assert body["messages"][0]["content"] == [text("see"), *parts]
    assert not losses


def test_documents_without_a_name_are_numbered() -> None:
    body, _ = encode(ask(user(document(PDF), document(PDF))))
    assert [part["file"]["filename"] for part in body["messages"][0]["content"]] == ["document-1.pdf", "document-2.pdf"]


@pytest.mark.parametrize(
    "media",
    [
        document(Link("https://a.test/b.pdf")),
        document(FileRef("anthropic", "file_1")),
        Media(MediaKind.IMAGE, FileRef("anthropic", "file_1")),
        Media(MediaKind.AUDIO, Inline("audio/flac", "aGk=")),
        Media(MediaKind.VIDEO, Link("https://a.test/b.mp4")),
    ],
)
def test_what_cannot_be_sent_is_refused_by_name(media: Media) -> None:
    with pytest.raises(BadRequest) as caught:
        encode(ask(user(Text("see"), media)))
    assert caught.value.param == "messages[0].content[1].source"


def test_text_that_is_not_text_is_refused() -> None:
    with pytest.raises(BadRequest) as caught:
        encode(ask(user(document(Inline("text/plain", "/w==")))))
    assert caught.value.param == "messages[0].content[0].source.data"


def test_what_an_image_says_of_itself_elsewhere_is_told_as_lost() -> None:
    picture = Media(MediaKind.IMAGE, Link("u"), extras={"anthropic": {"transformations": {"a": 1}}})
    assert list(encode(ask(user(picture)))[1]) == ["messages[0].content[0].transformations"]
