"""What the codecs cost, as multiples of what nobody can avoid: msgspec parsing the same bytes and writing them again.

    python benchmarks/codecs.py [FORMAT ...]

For a body the unit is one `loads` and `dumps` of it, for a stream those of every event in it. Each figure is the best of many short
runs, taken in turn with its unit, so that a busy machine slows both alike.
"""

import gc
import sys
import time
from collections.abc import Callable, Iterator

from samples import agent_request, as_client_of, decoded, small_request

from ccproxy_cli.core.events import TextDelta
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS, Format
from ccproxy_cli.core.framing import SSEDecoder
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import dumps, loads
from ccproxy_cli.core.names import fit_names
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from ccproxy_cli.core.stream import explode

DELTAS = 200
ROUNDS = 40
ROUND_SECONDS = 0.004

ANSWER = Response("answer-1", "measured-model", (Text("word " * 80),), Finish(FinishReason.STOP), Usage(input=90, output=80), created=1)


def main(names: list[str]) -> None:
    gc.disable()  # what it costs depends on what else lives in the process
    print(f"{'':46}{'x unit':>8}   {'unit, us':>9}")
    for name in names or list(FORMATS):
        for line in measured(FORMATS[name]):
            print(line)


def measured(format_: Format) -> Iterator[str]:
    for title, body in (("0.6 KB", small_request()), ("150 KB", agent_request(150_000))):
        yield from _request(format_, title, as_client_of(format_.name, body), "openai-chat" if format_.name == "anthropic" else "anthropic")
    whole = format_.encode_response(ANSWER, decoded(small_request()))
    foreign = format_.decode_response(whole)
    yield _line(format_, "answer 0.5 KB: decode", lambda: format_.decode_response(whole), whole)
    yield _line(format_, "answer 0.5 KB: encode", lambda: format_.encode_response(ANSWER, decoded_small), whole)
    yield _line(format_, "answer 0.5 KB: encode its own", lambda: format_.encode_response(foreign, decoded_small), whole)
    yield from _stream(format_)


decoded_small = decoded(small_request())


def _request(format_: Format, title: str, call: HTTPCall, other: str) -> Iterator[str]:
    request = format_.decode_request(call, Losses())
    target = FORMATS[other]
    yield _line(format_, f"request {title}: peek", lambda: format_.peek(call), call.body)
    envelope, check = format_.peek(call), format_.check
    if check is not None:
        yield _line(format_, f"request {title}: check", lambda: check(envelope), call.body)
    yield _line(format_, f"request {title}: peek, other model", lambda: envelope.for_model(call, "other-model"), call.body)
    yield _line(format_, f"request {title}: decode", lambda: format_.decode_request(call, Losses()), call.body)
    yield _line(format_, f"request {title}: fit names", lambda: fit_names(request, target.fit_tool_name), call.body)
    yield _line(format_, f"request {title}: encode as {other}", lambda: target.encode_request(request, Profile(), Losses()), call.body)


def _stream(format_: Format) -> Iterator[str]:
    events = list(explode(ANSWER))
    at = next(index for index, event in enumerate(events) if isinstance(event, TextDelta))
    events[at : at + 1] = [TextDelta(0, "mark0001 the quick brown ")] * DELTAS

    def encode() -> list[bytes]:
        encoder = format_.stream_encoder(decoded_small)
        return [encoder.encode(event) for event in events]

    frames = [frame for frame in encode() if frame]

    def decode() -> None:
        decoder = format_.stream_decoder()
        for frame in frames:
            decoder.feed(frame)

    data = [frame.data for frame in SSEDecoder().feed(b"".join(frames)) if frame.data != b"[DONE]"]
    yield _line(format_, f"{DELTAS} deltas one by one: decode", decode, *data)
    yield _line(format_, f"{DELTAS} deltas: encode", encode, *data)


def _line(format_: Format, what: str, work: Callable[[], object], *texts: bytes) -> str:
    def unit() -> None:
        for text in texts:
            dumps(loads(text))

    times, unit_times = [], []
    count, unit_count = _fitting(work), _fitting(unit)
    for _ in range(ROUNDS):
        times.append(_seconds(work, count))
        unit_times.append(_seconds(unit, unit_count))
    return f"{format_.name + ' ' + what:46}{min(times) / min(unit_times):8.2f}   {min(unit_times) * 1e6:9.1f}"


def _fitting(work: Callable[[], object]) -> int:
    """How often `work` fits into a round."""
    work()
    return max(1, int(ROUND_SECONDS / max(_seconds(work, 1), 1e-7)))


def _seconds(work: Callable[[], object], count: int) -> float:
    started = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - started) / count


if __name__ == "__main__":
    main(sys.argv[1:])
