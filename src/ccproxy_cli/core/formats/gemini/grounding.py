"""Sources of an answer's words, both ways. They stand beside the content, and count its bytes in UTF-8.

By the reference a segment lies in one part; streams were recorded (2025, 2026) to count through all of the answer's words, whose parts they
cannot name. The segment's own text tells which is meant. A stream tells all of it with its finish.
"""

from collections.abc import Iterator, Mapping, Sequence

from attrs import define, evolve, field, frozen

from ccproxy_cli.core.citations import Citation, from_bytes, spread, to_bytes
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.gemini.wire import NAME
from ccproxy_cli.core.hosted import Found, HostedKind, HostedStep, Source
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.left_behind import leave_citation, leave_part, leave_quote
from ccproxy_cli.core.parts import Opaque, Part, Text

MEMBERS = ("groundingMetadata", "citationMetadata", "urlContextMetadata")
"""Members of a candidate that tell of sources."""
_FETCHED = "URL_RETRIEVAL_STATUS_SUCCESS"
_NOT_FETCHED = "URL_RETRIEVAL_STATUS_ERROR"


def _object(value: JSON) -> Mapping[str, JSON]:
    return value if isinstance(value, dict) else {}


def _objects(value: JSON) -> list[Mapping[str, JSON]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(holder: Mapping[str, JSON], name: str) -> str | None:
    value = holder.get(name)
    return value if isinstance(value, str) and value.strip() else None


def _number(holder: Mapping[str, JSON], name: str) -> int:
    value = holder.get(name)
    return value if type(value) is int else 0


# From the wire


@frozen
class Words:
    """A text of the answer."""

    part: int | None
    """Which part of the content it is; None where that cannot be told."""
    text: str


def read_citations(candidate: Mapping[str, JSON], words: Sequence[Words]) -> list[list[Citation]]:
    """The citations of each text."""
    grounding, texts = _object(candidate.get("groundingMetadata")), [each.text for each in words]
    found: list[list[Citation]] = [[] for _ in words]
    if not words:
        return found
    chunks = grounding.get("groundingChunks")
    sources = [_read_chunk(_object(chunk)) for chunk in chunks] if isinstance(chunks, list) else []
    lengths = [len(text) for text in texts]
    for support in _objects(grounding.get("groundingSupports")):
        start, end = _locate(_object(support.get("segment")), words)
        numbers = support.get("groundingChunkIndices")
        meant = (
            [sources[number] for number in numbers if type(number) is int and 0 <= number < len(sources)]
            if isinstance(numbers, list)
            else []
        )
        for held, some in zip(found, spread([evolve(source, start=start, end=end) for source in meant], lengths), strict=True):
            held += some
    whole = "".join(texts)
    for each in _objects(_object(candidate.get("citationMetadata")).get("citations")):
        start, end = from_bytes(whole, _number(each, "startIndex")), from_bytes(whole, _number(each, "endIndex"))
        citation = Citation(_text(each, "uri"), _text(each, "title"), start=start, end=end)
        for held, some in zip(found, spread([citation], lengths), strict=True):
            held += some
    return found


def _read_chunk(chunk: Mapping[str, JSON]) -> Citation:
    kind = next((name for name in ("web", "retrievedContext", "maps", "image") if name in chunk), "")
    said = _object(chunk.get(kind))
    span = _object(_object(said.get("ragChunk")).get("pageSpan"))
    pages = (_number(span, "firstPage"), _number(span, "lastPage"))
    address = _text(said, "uri") or _text(said, "sourceUri")
    return Citation(address, _text(said, "title"), _text(said, "text"), pages=pages if pages[0] else None)


def _locate(segment: Mapping[str, JSON], words: Sequence[Words]) -> tuple[int, int]:
    """Where a segment lies in all of the words."""
    whole, said, begins = "".join(each.text for each in words), segment.get("text"), 0
    first, last = _number(segment, "startIndex"), _number(segment, "endIndex")
    places: list[tuple[int, str]] = []
    for each in words:
        if each.part == _number(segment, "partIndex"):
            places.append((begins, each.text))
        begins += len(each.text)
    for offset, text in [*places, (0, whole)]:
        start, end = from_bytes(text, first), from_bytes(text, last)
        if not isinstance(said, str) or text[start:end] == said:
            return offset + start, offset + end
    at = whole.find(str(said))
    return (at, at + len(str(said))) if at >= 0 else (0, len(whole))


def read_steps(candidate: Mapping[str, JSON]) -> Iterator[Opaque]:
    """What hosted tools did that leave no part of their own in the content."""
    grounding = _object(candidate.get("groundingMetadata"))
    pages = _objects(_object(candidate.get("urlContextMetadata")).get("urlMetadata"))
    for page in pages:
        address = _text(page, "retrievedUrl")
        if address is not None:
            failed = None if page.get("urlRetrievalStatus") in (_FETCHED, None) else str(page["urlRetrievalStatus"])
            yield Opaque(NAME, None, HostedStep(HostedKind.WEB_FETCH, "", (address,), Found((Source(address),), error=failed)))
    asked = grounding.get("webSearchQueries")
    queries = tuple(query for query in asked if isinstance(query, str) and query.strip()) if isinstance(asked, list) else ()
    found = [_object(chunk["web"]) for chunk in _objects(grounding.get("groundingChunks")) if "web" in chunk]
    sources = tuple(Source(address, _text(web, "title")) for web in found if (address := _text(web, "uri")) is not None)
    if queries:
        yield Opaque(NAME, None, HostedStep(HostedKind.WEB_SEARCH, "", queries, Found(sources)))


def read_code(raw: Mapping[str, JSON]) -> HostedStep | None:
    """What a part says of code that was run; None if it says nothing of that."""
    match raw:
        case {"executableCode": {"code": str() as code} as ran}:
            return HostedStep(HostedKind.CODE_EXECUTION, _text(ran, "id") or "", (code,))
        case {"codeExecutionResult": dict() as result}:
            outcome, output = result.get("outcome"), result.get("output")
            error = None if outcome in ("OUTCOME_OK", None) else str(outcome)
            return HostedStep(
                HostedKind.CODE_EXECUTION,
                _text(result, "id") or "",
                found=Found(output=output if isinstance(output, str) else "", error=error),
            )
        case _:
            return None


# To the wire


@define
class Grounds:
    """The sources of an answer of another format, gathered for the candidate that is to tell them."""

    losses: Losses
    _chunks: list[dict[str, JSON]] = field(factory=list)
    _supports: dict[tuple[int, int, int], dict[str, JSON]] = field(factory=dict)
    _queries: list[str] = field(factory=list)
    _pages: list[tuple[str, list[dict[str, JSON]]]] = field(factory=list)
    """Those that were asked for together, with the id of the asking."""

    def cite(self, citation: Citation, text: str, *, part: int = 0, offset: int = 0) -> None:
        """Note a source of some of a text's words.

        Args:
            part: which part of the content the text is, where that can be said.
            offset: bytes of the words before it, where they are counted through.
        """
        chunk = self._chunk(citation)
        if chunk is None:
            leave_citation(NAME, self.losses)
            return
        start, end = citation.within(len(text))
        place = (part, offset + to_bytes(text, start), offset + to_bytes(text, end))
        segment: dict[str, JSON] = {"partIndex": part} if part else {}
        if place[1]:
            segment["startIndex"] = place[1]
        segment |= {"endIndex": place[2], "text": text[start:end]}
        support = self._supports.setdefault(place, {"segment": segment, "groundingChunkIndices": []})
        if chunk not in support["groundingChunkIndices"]:
            support["groundingChunkIndices"].append(chunk)

    def _chunk(self, citation: Citation) -> int | None:
        """The number of the chunk that tells the source."""
        said = {"uri": citation.url, "title": citation.title}
        chunk: dict[str, JSON] = {"web": {name: value for name, value in said.items() if value is not None}}
        if citation.url is not None:
            leave_quote(citation, NAME, self.losses)
        else:
            said = {"title": citation.title, "text": citation.quote, "documentName": citation.file_id}
            context: dict[str, JSON] = {name: value for name, value in said.items() if value is not None}
            if citation.pages is not None:
                context["ragChunk"] = {"pageSpan": {"firstPage": citation.pages[0], "lastPage": citation.pages[1]}}
            if not context:
                return None
            chunk = {"retrievedContext": context}
        if chunk not in self._chunks:
            self._chunks.append(chunk)
        return self._chunks.index(chunk)

    def step(self, part: Opaque) -> list[dict[str, JSON]]:
        """The parts that say what another vendor's part does, and what of it the candidate is to say."""
        step = part.meaning
        if not isinstance(step, HostedStep):
            leave_part(part, NAME, self.losses)
            return []
        asked = step.asked or ()
        match step.kind:
            case HostedKind.CODE_EXECUTION:
                return _code_parts(step)
            case HostedKind.WEB_SEARCH:
                self._queries += [query for query in asked if query not in self._queries]
                for source in () if step.found is None else step.found.sources:
                    self._chunk(Citation(source.url, source.title))
            case HostedKind.WEB_FETCH:
                self._pages.append((step.call_id, [{"retrievedUrl": address, "urlRetrievalStatus": _FETCHED} for address in asked]))
                if step.found is not None and step.found.error is not None:
                    self._not_fetched(step.call_id)
        return []

    def _not_fetched(self, call_id: str) -> None:
        asked = next((pages for whose, pages in reversed(self._pages) if whose == call_id and pages), [])
        for page in asked:
            page["urlRetrievalStatus"] = _NOT_FETCHED

    def members(self) -> dict[str, JSON]:
        """What the candidate tells of it all."""
        said: dict[str, JSON] = {}
        if self._chunks:
            said["groundingChunks"] = self._chunks
        if self._supports:
            said["groundingSupports"] = list(self._supports.values())
        if self._queries:
            said["webSearchQueries"] = self._queries
        members: dict[str, JSON] = {"groundingMetadata": said} if said else {}
        if pages := [page for _, together in self._pages for page in together]:
            members["urlContextMetadata"] = {"urlMetadata": pages}
        return members


def _code_parts(step: HostedStep) -> list[dict[str, JSON]]:
    parts: list[dict[str, JSON]] = []
    if step.asked is not None:
        parts.append({"executableCode": {"language": "PYTHON", "code": "\n".join(step.asked)}})
    if step.found is not None:
        outcome = "OUTCOME_OK" if step.found.error is None else "OUTCOME_FAILED"
        parts.append({"codeExecutionResult": {"outcome": outcome, "output": step.found.output}})
    return parts


def with_citations(parts: tuple[Part, ...], candidate: Mapping[str, JSON]) -> tuple[Part, ...]:
    """A whole answer's parts, each text with its citations, and what hosted tools did behind them."""
    if candidate.keys().isdisjoint(MEMBERS):
        return parts
    words = [Words(index, part.text) for index, part in enumerate(parts) if isinstance(part, Text)]
    cited = iter(read_citations(candidate, words))
    told = tuple(evolve(part, citations=tuple(next(cited))) if isinstance(part, Text) else part for part in parts)
    return (*told, *read_steps(candidate))
