"""Whose name of the model an answer carries: the client's where the route changed it, else the vendor's."""

import json
import re
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.config.settings import ModelRule
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.relaytap import RelayTap
from ccproxy_cli.core.response import Response
from ccproxy_cli.pipeline.exchange import Answer
from ccproxy_cli.pipeline.naming import FrameNamer, name_in_body
from ccproxy_cli.pipeline.route import RouteTable
from tests.pipeline.vendors import Scene, asked, body, frames, read, says
from tests.raw_upstream import json_reply

NAMES = tuple(FORMATS)
AWKWARD = 'my "best"\\model\n\u2028/😀'
SNAPSHOT = "m-2026-11-20"


async def names_in(answer: Answer) -> set[str]:
    """Every name of a model that a client reads in an answer."""
    told = answer.body if answer.chunks is None else b"".join([chunk async for chunk in answer.chunks])
    return {name.decode() for name in re.findall(rb'"model(?:Version)?":\s*"([^"]*)"', told)}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("vendor", NAMES)
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_the_client_reads_the_name_it_asked_for(name: str, vendor: str, stream: bool) -> None:
    async with Scene([vendor]) as scene:
        scene.upstreams[0].will(says(FORMATS[vendor], "Hi.", stream=stream, model=SNAPSHOT))
        exchange = asked(FORMATS[name], "chain", stream=stream)
        assert await names_in(await scene.pipeline.generate(exchange)) == {"chain"}
        assert exchange.relayed == (name == vendor)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("vendor", NAMES)
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_what_the_vendor_makes_of_the_same_name_stays(name: str, vendor: str, stream: bool) -> None:
    async with Scene([vendor]) as scene:
        scene.pipeline.routes = RouteTable([ModelRule("m", ("one/m",))], {})
        scene.upstreams[0].will(says(FORMATS[vendor], "Hi.", stream=stream, model=SNAPSHOT))
        assert await names_in(await scene.pipeline.generate(asked(FORMATS[name], "m", stream=stream))) == {SNAPSHOT}


async def test_what_is_passed_on_names_the_model_as_asked() -> None:
    async with Scene(["openai-responses"]) as scene:
        scene.upstreams[0].will(json_reply({"id": "resp_1", "object": "response.compaction", "model": SNAPSHOT, "output": []}))
        exchange = asked(FORMATS["openai-responses"], "chain", stream=False)
        exchange.call = evolve(exchange.call, path="/responses/compact")
        answer = await scene.pipeline.pass_on(exchange, ["openai-responses"])
        assert json.loads(answer.body)["model"] == "chain"
        assert scene.upstreams[0].heard[0].json["model"] == "m"


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_an_answer_that_its_vendor_keeps_is_named_as_asked_later_too(stream: bool) -> None:
    vendor = FORMATS["openai-responses"]
    async with Scene(["openai-responses"]) as scene:
        scene.upstreams[0].will(says(vendor, "Hi.", stream=stream, model=SNAPSHOT), says(vendor, "Hi.", stream=False, model=SNAPSHOT))
        assert await names_in(await scene.pipeline.generate(asked(vendor, "chain", stream=stream))) == {"chain"}
        later = asked(vendor, "chain", stream=False)
        later.call = HTTPCall("GET", "/responses/resp_1", b"", {})
        assert await names_in(await scene.pipeline.kept(later)) == {"chain"}


# Bytes


@given(
    name=st.sampled_from(NAMES),
    alias=st.text(min_size=1) | st.just(AWKWARD),
    cuts=st.lists(st.integers(1, 60), max_size=30),
    data=st.data(),
)
def test_only_the_name_changes_however_the_stream_is_cut(name: str, alias: str, cuts: list[int], data: st.DataObject) -> None:
    spoken = FORMATS[name]
    text = data.draw(st.sampled_from(['"model":"m"', "data: x\n\ndata: y", '{"model": "m"}', 'm","model":"m', "modelVersion"]))
    sent = b"".join(frames(spoken, text, "m"))
    tap, namer = RelayTap(spoken), FrameNamer(spoken, alias)
    pieces: list[bytes] = []
    for cut in cuts:
        pieces.append(namer.feed(tap.feed(sent[:cut])))
        sent = sent[cut:]
    pieces += [namer.feed(tap.feed(sent)), namer.feed(tap.close())]
    assert tap.failure is None
    got, plain = read(spoken, b"".join(pieces)), read(spoken, b"".join(frames(spoken, text, "m")))
    assert isinstance(got, Response)
    assert isinstance(plain, Response)
    assert got == evolve(plain, model=alias.encode("utf-8", "replace").decode())


@pytest.mark.parametrize("name", NAMES)
def test_a_body_keeps_every_other_byte(name: str) -> None:
    spoken = FORMATS[name]
    sent = body(spoken, 'say "model":"m"', "m")
    got = json.loads(name_in_body(spoken, sent, AWKWARD))
    where = spoken.model_in_body[-1]
    assert got == {**json.loads(sent), where: AWKWARD}
    assert (
        name_in_body(spoken, b'{"%s":"m","n":1.50,"s":"\\u00e9"}' % where.encode(), "a")
        == b'{"%s":"a","n":1.50,"s":"\\u00e9"}' % where.encode()
    )


@pytest.mark.parametrize("sent", [b"{}", b"[]", b'{"model":null}', b'{"model":{"id":"m"}}', b"no JSON", b'{"other":{"model":"m"}}'])
def test_what_names_no_model_stays(sent: bytes) -> None:
    assert name_in_body(FORMATS["openai-chat"], sent, "a") == sent
    frame = b"data: " + sent + b"\n\n"
    assert FrameNamer(FORMATS["openai-chat"], "a").feed(frame) == frame


@given(
    st.lists(
        st.fixed_dictionaries(
            {"id": st.sampled_from(["m", "n"]), "model": st.sampled_from(["m", "model", None])},
            optional={"x": st.sampled_from([{"model": "m"}, "m", '"model":"m"']), "choices": st.just([])},
        ).flatmap(lambda members: st.permutations(list(members.items())).map(dict)),
        max_size=8,
    ),
    st.booleans(),
)
def test_what_was_learned_of_one_frame_does_not_spoil_another(chunks: list[dict[str, Any]], blanks: bool) -> None:
    namer = FrameNamer(FORMATS["openai-chat"], "alias")
    for chunk in chunks:
        text = json.dumps(chunk, separators=None if blanks else (",", ":"))
        got = namer.feed(b"data: " + text.encode() + b"\n\n")
        named = {**chunk, "model": "alias"} if chunk["model"] else chunk
        assert json.loads(got.removeprefix(b"data: ")) == named
