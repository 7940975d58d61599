"""`ask --continue`: the next question goes on from the last answer, whoever gives it."""

import base64
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.cli import conversation
from ccproxy_cli.cli.conversation import conversation_of, load, save
from ccproxy_cli.config.origin import ConfigError
from ccproxy_cli.core.parts import Inline, Link, Media, MediaKind, PlainText, Proof, ProofKind, Reasoning, Refusal, Text
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from tests.cli.conftest import Cli, Upstream

WORDS = st.text(st.characters(codec="utf-8"), max_size=20)
PROOFS = st.lists(st.builds(Proof, st.sampled_from(["anthropic", "gemini"]), WORDS, st.sampled_from(ProofKind)), max_size=2).map(tuple)
SOURCES = st.one_of(
    st.builds(Inline, st.just("image/png"), st.binary(max_size=9).map(lambda data: base64.b64encode(data).decode())),
    st.builds(Link, st.just("https://example.org/a.png")),
    st.builds(PlainText, WORDS),
)
PARTS = st.lists(
    st.one_of(
        st.builds(Text, WORDS, proofs=PROOFS),
        st.builds(Refusal, WORDS),
        st.builds(Reasoning, WORDS, PROOFS, st.just({"anthropic": {"a": [1, None, {"b": 2**70}]}})),
        st.builds(Media, st.sampled_from(MediaKind), SOURCES, st.none() | WORDS),
    ),
    max_size=4,
).map(tuple)


@settings(deadline=None, max_examples=50)
@given(asked=PARTS, said=PARTS, system=WORDS)
def test_what_is_kept_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, asked: object, said: object, system: str) -> None:
    folder = tmp_path_factory.mktemp("state")
    request = Request("m", (Message(Role.USER, asked),), instructions=(Text(system),) if system else ())  # type: ignore[arg-type]
    response = Response("r", "m", said, Finish(FinishReason.STOP), Usage())  # type: ignore[arg-type]
    kept = conversation_of("up/m", request, response)
    assert save(folder, kept) is None
    assert load(folder) == kept
    following = load(folder).continued_by(Request("", (Message(Role.USER, (Text("next"),)),)))
    assert [message.parts for message in following.messages] == [asked, said, (Text("next"),)]
    assert (following.model, following.instructions) == ("up/m", request.instructions)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"version": 99}', '{"version": 1}', '{"version": 1, "model": "m", "system": "", "turns": [3]}']
)
def test_what_is_no_conversation_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / conversation.NAME).write_text(text)
    with pytest.raises(ConfigError):
        load(tmp_path)


def test_the_next_question_holds_all_that_was_said(cli: Cli, upstream: Upstream) -> None:
    upstream.go.set()
    cli.configure(upstream.config + '[providers.echo]\npreset = "echo"\n')
    assert cli("ask", "-m", "up/m", "-s", "Be kind.", "hello").out == "Wait over.\n"
    assert cli("ask", "-c", "and then?").code == 0
    said = [(message["role"], message["content"]) for message in upstream.requests[-1]["messages"]]
    assert [role for role, _ in said] == ["system", "user", "assistant", "user"]
    assert [content for _, content in said] == ["Be kind.", "hello", "Wait over.", "and then?"]
    assert cli("ask", "-c", "-m", "echo", "you?").out == "you?\n"
    kept = Path(cli.environ["HOME"]) / ".local" / "state" / "ccproxy" / conversation.NAME
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert cli("ask", "-c", "-m", "up/m", "-s", "Be brief.", "last").code == 0
    assert upstream.requests[-1]["messages"][0]["content"] == "Be brief."
    assert len(upstream.requests[-1]["messages"]) == 8


def test_nothing_is_kept_that_should_not_be(cli: Cli) -> None:
    assert cli("ask", "-m", "echo", "--no-save", "hello").code == 0
    refused = cli("ask", "-c", "and then?")
    assert refused.code == 2
    assert "there is no conversation to continue" in refused.err


def test_an_answer_is_worth_no_less_where_nothing_can_be_kept(cli: Cli) -> None:
    ran = cli("ask", "-m", "echo", "hello", XDG_STATE_HOME="/proc/nowhere")
    assert (ran.code, ran.out) == (0, "hello\n")
    assert "cannot be continued" in ran.err
