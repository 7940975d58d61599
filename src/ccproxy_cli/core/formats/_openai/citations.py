"""Annotations of an answer's words, as both formats have them. Offsets count characters of the text (checked on recordings, 2026-09)."""

from collections.abc import Mapping

from ccproxy_cli.core.citations import Citation
from ccproxy_cli.core.jsontext import JSON


def read_annotations(raw: JSON) -> tuple[Citation, ...]:
    """What a list of annotations says, one for one."""
    return tuple([read_annotation(each) for each in raw if isinstance(each, dict)]) if isinstance(raw, list) else ()


def read_annotation(raw: Mapping[str, JSON]) -> Citation:
    """What one annotation says. That of a file stands behind the words it is about."""
    start, end = raw.get("start_index"), raw.get("end_index")
    if "index" in raw:
        start = end = raw["index"]
    placed = type(start) is int and type(end) is int
    return Citation(
        url=_text(raw, "url"),
        title=_text(raw, "title") or _text(raw, "filename"),
        quote=_text(raw, "content"),  # OpenRouter
        file_id=_text(raw, "file_id"),
        start=start if placed else None,
        end=end if placed else None,
    )


def _text(raw: Mapping[str, JSON], name: str) -> str | None:
    value = raw.get(name)
    return value if isinstance(value, str) and value else None


def write_annotation(citation: Citation, length: int) -> dict[str, JSON] | None:
    """The citation of words in a text of that many characters; None for a source with neither address nor file."""
    start, end = citation.within(length)
    if citation.url is not None:
        place = {"start_index": start, "end_index": end}
        return {"type": "url_citation", **place, "url": citation.url, "title": citation.title or citation.url}
    if citation.file_id is not None:
        return {"type": "file_citation", "file_id": citation.file_id, "filename": citation.title or "", "index": end}
    return None
