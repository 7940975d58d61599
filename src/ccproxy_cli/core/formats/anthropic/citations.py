"""Citations, both ways. This vendor hangs them on whole blocks of text, so that no range has to be said."""

from collections.abc import Mapping, Sequence

from ccproxy_cli.core.citations import Citation, pieces
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.anthropic.wire import NAME
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.left_behind import leave_citation
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.seal import MARKER

UNPROVEN = MARKER
"""Stands where the vendor puts what it wants back sealed and another one's search has nothing. The marker keeps a conversation that
holds it from being passed on as it is, and what carries it is left out on the way back: the vendor refuses it."""


def read_citations(raw: JSON) -> tuple[Citation, ...]:
    """What a block's `citations` say, one for one."""
    return tuple([read_citation(each) for each in raw if isinstance(each, dict)]) if isinstance(raw, list) else ()


def read_citation(raw: Mapping[str, JSON]) -> Citation:
    """One citation. Of a kind that is new to us, what its members say that all kinds have."""
    kind, source = raw.get("type"), _text(raw, "source")
    is_address = source is not None and source.startswith(("http://", "https://"))
    first, behind = raw.get("start_page_number"), raw.get("end_page_number")
    return Citation(
        url=source if is_address else _text(raw, "url"),
        title=_text(raw, "title") or _text(raw, "document_title") or (None if is_address else source),
        quote=_text(raw, "cited_text"),
        file_id=_text(raw, "file_id"),
        pages=(first, behind - 1) if kind == "page_location" and type(first) is int and type(behind) is int else None,
    )


def _text(raw: Mapping[str, JSON], name: str) -> str | None:
    value = raw.get(name)
    return value if isinstance(value, str) and value else None


def write_citation(citation: Citation, losses: Losses) -> dict[str, JSON] | None:
    """A source of another vendor's as a search result; None for one without an address, which only a document of the prompt could be."""
    if citation.url is None:
        leave_citation(NAME, losses)
        return None
    return {
        "type": "web_search_result_location",
        "cited_text": citation.quote or "",
        "encrypted_index": UNPROVEN,
        "title": citation.title,
        "url": citation.url,
    }


def cited_blocks(part: Text, losses: Losses) -> list[dict[str, JSON]]:
    """A text of another vendor's, cut into blocks where its citations begin and end."""
    blocks: list[dict[str, JSON]] = []
    for piece in pieces(part.text, part.citations):
        block: dict[str, JSON] = {"type": "text", "text": piece.text}
        written = write_citations(piece.citations, losses)
        if written:
            block["citations"] = written
        blocks.append(block)
    return blocks


def write_citations(citations: Sequence[Citation], losses: Losses) -> list[JSON]:
    """Those of the citations that can be said, each once."""
    unique = dict.fromkeys(citations)
    return [written for citation in unique if (written := write_citation(citation, losses)) is not None]


def without_unproven(block: dict[str, JSON]) -> dict[str, JSON]:
    """A block of text that a client hands back, without the citations that its vendor did not make."""
    cited = block.get("citations")
    if not isinstance(cited, list):
        return block
    own = [each for each in cited if not (isinstance(each, dict) and str(each.get("encrypted_index", "")).startswith(UNPROVEN))]
    if len(own) == len(cited):
        return block
    return {**block, "citations": own} if own else {name: value for name, value in block.items() if name != "citations"}
