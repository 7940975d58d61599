"""What is told of sources, hosted tools, tokens and tiers is what the vendors' own clients know, to the letter of their types."""

import pytest
from attrs import evolve

from ccproxy_cli.core.citations import Citation
from ccproxy_cli.core.events import CitationDelta, PartEnd
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from ccproxy_cli.core.stream import explode, in_order
from tests.core.test_hosted import ANSWERS
from tests.core.test_logprobs import TOKENS
from tests.core.test_sources import REQUEST
from tests.corpus.sdk_readings import read_body, read_stream, said

SOURCES = (
    Citation("https://example.com/a", "A", start=0, end=4),
    Citation("https://example.com/b", start=2, end=9),
    Citation(title="a.pdf"),
)
CITED = Response(
    "resp_1", "m", (Text("It’s 😀 sunny.", citations=SOURCES), Text(" Very.")), Finish(FinishReason.STOP), Usage(1, 0, 0, 2, 0), created=1
)
CASES: dict[str, Response] = {
    **{name: case[0] for name, case in ANSWERS.items()},
    "cited": CITED,
    "tokens": evolve(CITED, parts=(Text("It’s 😀"),), logprobs=TOKENS),
    "tier": evolve(CITED, service_tier="priority"),
    "declined": evolve(CITED, finish=Finish(FinishReason.REFUSAL, explanation="This could help an attack.")),
}


def wanted(name: str, response: Response, target: str) -> str:
    """The words, and the explanation where it has no place but among them."""
    told = name == "declined" and target in ("openai-chat", "openai-responses")
    return said(response).texts + (response.finish.explanation or "" if told else "")


FOREIGN = [(name, target) for name, response in CASES.items() for target in FORMATS if target not in response.extras]


@pytest.mark.parametrize(("name", "target"), FOREIGN)
def test_official_clients_read_it(name: str, target: str) -> None:
    response, format_ = CASES[name], FORMATS[target]
    encoder, events = format_.stream_encoder(REQUEST), explode(response)
    stream = b"".join(encoder.encode(event) for event in (in_order(events) if format_.ordered else events))
    for read in (read_body(target, format_.encode_response(response, REQUEST)), read_stream(target, stream)):
        assert read.texts == wanted(name, response, target)


@pytest.mark.parametrize("target", FORMATS)
def test_official_clients_read_sources_that_come_late(target: str) -> None:
    encoder = FORMATS[target].stream_encoder(REQUEST)
    data = b""
    for event in explode(evolve(CITED, parts=(Text("It’s 😀 sunny."), Text(" Very.")))):
        if isinstance(event, PartEnd) and event.index == 0:
            data += b"".join(encoder.encode(CitationDelta(0, source)) for source in SOURCES)
        data += encoder.encode(event)
    assert read_stream(target, data).texts == "It’s 😀 sunny. Very."
