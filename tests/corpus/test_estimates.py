"""Estimates of recorded prompts against what they were billed, bare and as learned from the bills before.

Left out is what no estimate can know: prompts that a vendor adds to by its own tools, fetches or keeps, and files of unknown content.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator

import pytest

from ccproxy_cli.core.estimate import Scale, estimate_tokens
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.parts import Inline, Media, MediaKind, Opaque, Part, PlainText, ToolResult
from ccproxy_cli.core.request import Request
from tests.corpus.entries import needs_corpus
from tests.corpus.test_between_formats import answers
from tests.corpus.test_requests_between_formats import decoded

pytestmark = [needs_corpus, pytest.mark.corpus]

BOUNDS = {
    "anthropic": (0.22, 0.18, 0.6),
    "openai-chat": (0.26, 0.22, 0.9),
    "openai-responses": (0.22, 0.2, 1.2),
    "gemini": (0.22, 0.23, 1.4),
}
"""By format, how far off at most are half of the bare estimates, half of the learned ones, and nineteen of twenty learned ones."""


def parts_of(parts: Iterable[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        if isinstance(part, ToolResult):
            yield from parts_of(part.parts)


def is_plain(request: Request) -> bool:
    said = [part for message in request.messages for part in parts_of(message.parts)]
    known = all(
        isinstance(part.source, PlainText) or (isinstance(part.source, Inline) and part.kind is MediaKind.IMAGE)
        for part in said
        if isinstance(part, Media)
    )
    return known and not any(isinstance(part, Opaque) for part in (*said, *(request.tools or ())))


def bills(format_name: str) -> list[tuple[str, int, int]]:
    """Model, estimate and bill of each recorded prompt."""
    billed = {entry.name: response.usage.total_input for entry, response in answers(format_name)}
    return [
        (request.model, estimate_tokens(request, FORMATS[format_name].weights), billed[entry.name])
        for entry, request in decoded(format_name)
        if isinstance(request, Request) and is_plain(request) and billed.get(entry.name)
    ]


def off(estimated: float, billed: int) -> float:
    return abs(estimated - billed) / billed


@pytest.mark.parametrize("format_name", FORMATS)
def test_estimates_are_near_and_bills_bring_them_nearer(format_name: str) -> None:
    scales: defaultdict[str, Scale] = defaultdict(Scale)
    bare, learned = [], []
    for model, estimated, billed in bills(format_name):
        bare.append(off(estimated, billed))
        learned.append(off(estimated * scales[model].factor, billed))
        scales[model] = scales[model].after(estimated, billed)
    half_of_bare, half_of_learned, nearly_all = BOUNDS[format_name]
    assert len(bare) > 200
    assert statistics.median(bare) < half_of_bare
    assert statistics.median(learned) < half_of_learned
    assert statistics.quantiles(learned, n=20)[-1] < nearly_all
