"""Media that both formats say in the same words."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS, Format
from ccproxy_cli.core.formats._openai.media import FileNames, read_audio, read_url, write_audio, write_url
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import FileRef, Inline, Link, Media, MediaKind, Text
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Message, Request, Role

CHAT, RESPONSES = FORMATS["openai-chat"], FORMATS["openai-responses"]
CHAT_FILE = {"model": "m", "messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]}
RESPONSES_FILE = {"model": "m", "input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]}


@given(st.text() | st.from_regex(r"data:[a-z/;=]*(;base64)?,[A-Za-z0-9+/=,;]*", fullmatch=True))
def test_a_url_is_written_as_it_was_read(url: str) -> None:
    assert write_url(read_url(url)) == url


def test_a_data_url_is_its_bytes() -> None:
    assert read_url("data:image/png;base64,aGk=") == Inline("image/png", "aGk=")
    assert read_url("data:,hello") == Link("data:,hello")


@pytest.mark.parametrize("body", [{"data": "aGk=", "format": "wav"}, {"data": "aGk=", "format": "mp3", "odd": 1}])
def test_a_recording_is_written_as_it_was_read(body: dict[str, Any]) -> None:
    read = read_audio(body)
    assert read is not None
    assert read[0] == Inline(f"audio/{body['format']}", "aGk=")
    assert write_audio(*read) == body


@pytest.mark.parametrize("body", ["https://a.test/b.wav", {"data": "aGk="}, {"data": 5, "format": "wav"}, None])
def test_what_is_no_recording_is_none(body: Any) -> None:
    assert read_audio(body) is None


@pytest.mark.parametrize(
    ("name", "media_type", "fitted"),
    [
        (None, "application/pdf", "document-1.pdf"),
        ("", "text/plain", "document-1.txt"),
        ("Plan", "application/vnd.ms-excel", "Plan.ms-excel"),
        ("a.pdf", "application/pdf", "a.pdf"),
        (None, "odd", "document-1.odd"),
        (None, "application/", "document-1.bin"),
    ],
)
def test_every_document_gets_a_name_with_an_ending(name: str | None, media_type: str, fitted: str) -> None:
    assert FileNames().fit(name, media_type) == fitted


@pytest.mark.parametrize(
    ("source", "target", "body", "written"), [(CHAT, RESPONSES, CHAT_FILE, RESPONSES_FILE), (RESPONSES, CHAT, RESPONSES_FILE, CHAT_FILE)]
)
def test_a_file_uploaded_to_the_vendor_is_known_in_both_formats(source: Format, target: Format, body: Any, written: Any) -> None:
    losses = Losses()
    request = source.decode_request(HTTPCall("POST", "/", json.dumps(body).encode()), losses)
    answer = json.loads(target.encode_request(request, Profile(), losses).body)
    assert answer.get("messages", answer.get("input")) == written.get("messages", written.get("input"))
    assert not losses


@pytest.mark.parametrize("target", [FORMATS["anthropic"], FORMATS["gemini"]], ids=lambda format_: format_.name)
def test_and_in_no_other(target: Format) -> None:
    request = Request("m", (Message(Role.USER, (Media(MediaKind.DOCUMENT, FileRef("openai", "file-1")),)),))
    with pytest.raises(BadRequest, match="openai"):
        target.encode_request(request, Profile(), Losses())


@pytest.mark.parametrize("target", [CHAT, RESPONSES], ids=lambda format_: format_.name)
def test_what_is_said_about_a_document_stands_before_it(target: Format) -> None:
    document = Media(MediaKind.DOCUMENT, FileRef("openai", "file-1"), context="From Ann.")
    request = Request("m", (Message(Role.USER, (document, Text("see"))),))
    answer = json.loads(target.encode_request(request, Profile(), Losses()).body)
    (message,) = answer.get("messages") or answer["input"]
    assert [part.get("text") for part in message["content"]] == ["From Ann.", None, "see"]
