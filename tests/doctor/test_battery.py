"""The battery: passes where everything works, and notices each way in which an answer can be wrong."""

from collections.abc import Callable

import pytest
from attrs import define, evolve, field

from ccproxy_cli.backends.echo import EchoBackend, answer
from ccproxy_cli.core.errors import APIError, BadRequest, BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.parts import Media, Reasoning, Text, ToolCall
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import Response
from ccproxy_cli.doctor.battery import CASES, Heard, Neutral, Verdict, client_of, run_battery, run_case
from ccproxy_cli.pipeline.pipeline import Pipeline
from ccproxy_cli.pipeline.route import RouteTable


@pytest.fixture
def pipeline() -> Pipeline:
    """The embedded model alone."""
    return Pipeline(RouteTable((), {"echo": ("echo",)}), {"echo": EchoBackend()})


async def test_everything_passes_on_the_embedded_model(pipeline: Pipeline) -> None:
    outcomes = await run_battery(Neutral(pipeline), "echo/echo")
    assert [(outcome.case, outcome.verdict, outcome.detail) for outcome in outcomes] == [(case, Verdict.PASSED, "") for case in CASES]


@pytest.mark.parametrize("name", FORMATS)
async def test_everything_passes_in_every_client_format(name: str, pipeline: Pipeline) -> None:
    outcomes = await run_battery(client_of(pipeline, FORMATS[name]), "echo")
    uncounted = {"token count"} if FORMATS[name].encode_count is None else set()
    assert {outcome.case for outcome in outcomes if outcome.verdict is not Verdict.PASSED} == uncounted
    assert all(outcome.verdict is not Verdict.FAILED for outcome in outcomes)


@define
class Liar:
    """Answers as the embedded model would, and then spoils it."""

    spoil: Callable[[Response], Response]
    deltas: int = 9
    tokens: int | None = 1
    seen: list[Request] = field(factory=list)

    async def answer(self, request: Request, losses: Losses) -> Heard:
        self.seen.append(request)
        return Heard(self.spoil(answer(request)), self.deltas, 0.0)

    async def count(self, request: Request, losses: Losses) -> int | None:
        return self.tokens


def parts(*parts: Text | ToolCall | Reasoning) -> Callable[[Response], Response]:
    """Says this, whatever it is asked."""
    return lambda response: evolve(response, parts=parts, usage=evolve(response.usage, reasoning=0))


LIES = [
    ("plain", Liar(parts()), "no text"),
    ("plain", Liar(parts(Text("  \n"))), "no text"),
    ("stream", Liar(parts(Text("one two")), deltas=1), "in one piece"),
    ("tools", Liar(parts(Text("It is sunny."))), "did not call the tool"),
    ("tools", Liar(parts(ToolCall("1", "get_weather", '{"city": '))), "not JSON"),
    ("tools", Liar(parts(ToolCall("1", "get_weather", '{"town": "Paris"}'))), "does not fit the tool"),
    ("tools", Liar(parts(ToolCall("1", "weather", '{"city": "Paris"}'))), "does not fit the tool"),
    ("tool stream", Liar(parts(ToolCall("1", "get_weather", '{"city": "Paris"}'))), "no text"),
    ("image", Liar(parts(Text("Blue."))), "did not see a red image"),
    ("thinking", Liar(parts(Text("No: 13 times 17."))), "did not think"),
    ("JSON schema", Liar(parts(Text("Tokyo"))), "not JSON"),
    ("JSON schema", Liar(parts(Text('{"city": "Tokyo", "population": "many"}'))), "does not fit the schema"),
    ("token count", Liar(parts(), tokens=0), "the count is 0"),
]


@pytest.mark.parametrize(("case", "liar", "complaint"), LIES, ids=[f"{case}: {complaint}" for case, _, complaint in LIES])
async def test_each_wrong_answer_is_noticed(case: str, liar: Liar, complaint: str) -> None:
    outcome = await run_case(case, liar, "m")
    assert outcome.verdict is Verdict.FAILED
    assert complaint in outcome.detail


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (BadRequest("tools are not supported here", "tools"), Verdict.UNSUPPORTED),
        (BadUpstream("garbage"), Verdict.FAILED),
        (UpstreamError(APIError(ErrorKind.RATE_LIMIT, "slow down")), Verdict.FAILED),
    ],
)
async def test_what_a_backend_says_is_the_detail(error: Exception, verdict: Verdict) -> None:
    def fail(response: Response) -> Response:
        raise error

    outcome = await run_case("plain", Liar(fail), "m")
    assert (outcome.verdict, outcome.detail) == (verdict, str(error))


@pytest.mark.parametrize(("kind", "tried"), [(ErrorKind.AUTHENTICATION, 1), (ErrorKind.QUOTA, 1), (ErrorKind.INVALID_REQUEST, len(CASES))])
async def test_where_nothing_can_work_one_case_is_enough(kind: ErrorKind, tried: int) -> None:
    def fail(response: Response) -> Response:
        raise UpstreamError(APIError(kind, "no"))

    outcomes = await run_battery(Liar(fail), "m")
    assert [outcome.case for outcome in outcomes] == list(CASES)
    assert sum(outcome.verdict is not Verdict.SKIPPED for outcome in outcomes) == tried


async def test_the_results_of_the_tools_go_back() -> None:
    liar = Liar(lambda response: response)
    assert (await run_case("tools", liar, "echo")).verdict is Verdict.PASSED
    first, second = liar.seen
    assert [message.role.value for message in second.messages] == ["user", "assistant", "tool"]
    assert second.messages[0] == first.messages[0]


async def test_the_image_is_a_real_one() -> None:
    liar = Liar(parts(Text("red")))
    assert (await run_case("image", liar, "m")).verdict is Verdict.PASSED
    (picture, _) = liar.seen[0].messages[0].parts
    assert isinstance(picture, Media)


@define
class Deaf(Liar):
    """Was not told of the tools, and says so."""

    async def answer(self, request: Request, losses: Losses) -> Heard:
        losses.add("tools", "it has tools of its own")
        return await Liar.answer(self, request, losses)


async def test_tools_that_cannot_be_offered_are_no_failure() -> None:
    outcome = await run_case("tools", Deaf(parts(Text("I would not know."))), "m")
    assert (outcome.verdict, outcome.detail) == (Verdict.UNSUPPORTED, "it has tools of its own")
