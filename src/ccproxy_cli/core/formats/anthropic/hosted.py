"""Hosted tools, both ways: how they are declared, what they were asked, and what they found.

The blocks of an answer that say so can be shown to a client of another vendor's answers, but are never sent to the vendor: it takes back
only what it sealed itself. They are known by their ids, see `UNPROVEN`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from attrs import define, field

from ccproxy_cli.core.citations import Citation
from ccproxy_cli.core.extras import Losses, extras_of
from ccproxy_cli.core.formats.anthropic.citations import UNPROVEN
from ccproxy_cli.core.formats.anthropic.wire import NAME
from ccproxy_cli.core.hosted import Found, HostedKind, HostedStep, HostedTool, Location, Source
from ccproxy_cli.core.ids import digest_id
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.left_behind import leave_part
from ccproxy_cli.core.parts import Opaque

_TYPES: Mapping[HostedKind, str] = MappingProxyType(
    {
        HostedKind.WEB_SEARCH: "web_search_20250305",
        HostedKind.WEB_FETCH: "web_fetch_20250910",
        HostedKind.CODE_EXECUTION: "code_execution_20250825",
    }
)
"""The oldest of each kind that takes what is asked for: newer ones are not for every model (anthropic 2.10)."""
_MODELED = frozenset({"type", "name", "allowed_domains", "blocked_domains", "max_uses", "user_location"})
_CODE_NAMES = ("code_execution", "bash_code_execution")
_UNPROVEN_ID = f"srvtoolu_{UNPROVEN}"


# Declarations


def read_tool(raw: Mapping[str, JSON]) -> HostedTool | None:
    """What a tool of the vendor's amounts to; None if no other vendor has one of its kind."""
    kind = next((kind for kind in HostedKind if str(raw.get("type")).startswith(f"{kind.value}_2")), None)
    if kind is None:
        return None
    limit = raw.get("max_uses")
    return HostedTool(
        kind,
        _names(raw.get("allowed_domains")),
        _names(raw.get("blocked_domains")),
        Location.of(raw.get("user_location")),
        limit if type(limit) is int else None,
        extras=extras_of(NAME, {name: value for name, value in raw.items() if name not in _MODELED}),
    )


def _names(value: JSON) -> tuple[str, ...]:
    return tuple(name for name in value if isinstance(name, str)) if isinstance(value, list) else ()


def write_tool(tool: HostedTool, path: str, losses: Losses) -> Opaque:
    """Another vendor's tool as this one's of its kind."""
    losses.add_foreign(tool.extras, NAME, path)
    written: dict[str, JSON] = {"type": _TYPES[tool.kind], "name": tool.kind.value}
    if tool.kind is not HostedKind.CODE_EXECUTION:
        if tool.allowed_domains:
            written["allowed_domains"] = list(tool.allowed_domains)
        elif tool.blocked_domains:
            written["blocked_domains"] = list(tool.blocked_domains)
        if tool.allowed_domains and tool.blocked_domains:
            losses.add(f"{path}.blocked_domains", f"{NAME} takes them only without allowed domains")
        if tool.max_uses is not None:
            written["max_uses"] = tool.max_uses
    if tool.location is not None and tool.kind is HostedKind.WEB_SEARCH:
        written["user_location"] = {"type": "approximate", **tool.location.members()}
    if tool.context_size is not None:
        losses.add(f"{path}.search_context_size", f"{NAME} has no such setting")
    return Opaque(NAME, written, tool)


# What they did


def read_step(raw: Mapping[str, JSON]) -> HostedStep | None:
    """What a block says of a hosted tool; None if it says nothing that other vendors could."""
    match raw:
        case {"type": "server_tool_use", "id": str() as call_id, "name": str() as name}:
            asked = raw.get("input")
            return _read_use(call_id, name, asked if isinstance(asked, dict) else {})
        case {"type": "web_search_tool_result", "tool_use_id": str() as call_id}:
            return HostedStep(HostedKind.WEB_SEARCH, call_id, found=_read_results(raw.get("content")))
        case {"type": "web_fetch_tool_result", "tool_use_id": str() as call_id}:
            return HostedStep(HostedKind.WEB_FETCH, call_id, found=_read_page(raw.get("content")))
        case {"type": "code_execution_tool_result" | "bash_code_execution_tool_result", "tool_use_id": str() as call_id}:
            return HostedStep(HostedKind.CODE_EXECUTION, call_id, found=_read_output(raw.get("content")))
        case _:
            return None


def _read_use(call_id: str, name: str, asked: Mapping[str, JSON]) -> HostedStep | None:
    if name in _CODE_NAMES:
        kind, words = HostedKind.CODE_EXECUTION, asked.get("code", asked.get("command"))
    elif name in (HostedKind.WEB_SEARCH, HostedKind.WEB_FETCH):
        kind, words = HostedKind(name), asked.get("query", asked.get("url"))
    else:
        return None
    return HostedStep(kind, call_id, (words,) if isinstance(words, str) else ())


def _read_results(content: JSON) -> Found:
    if isinstance(content, dict):
        return Found(error=str(content.get("error_code")))
    results = [each for each in content if isinstance(each, dict)] if isinstance(content, list) else []
    return Found(tuple(_source(each["url"], each) for each in results if isinstance(each.get("url"), str)))


def _source(address: str, page: JSON) -> Source:
    title = page.get("title") if isinstance(page, dict) else None
    return Source(address, title if isinstance(title, str) and title else None)


def _read_page(content: JSON) -> Found:
    if not isinstance(content, dict) or not isinstance(content.get("url"), str):
        return Found(error=str(content.get("error_code")) if isinstance(content, dict) else None)
    return Found((_source(content["url"], content.get("content")),))


def _read_output(content: JSON) -> Found:
    if not isinstance(content, dict) or "error_code" in content:
        return Found(error=str(content.get("error_code")) if isinstance(content, dict) else None)
    failed = content.get("return_code") not in (0, None)
    errors = str(content.get("stderr") or "")
    return Found(output=str(content.get("stdout") or "") + errors, error=errors or "the program failed" if failed else None)


def is_unproven(raw: JSON) -> bool:
    """Whether a block tells of another vendor's tool, and so must not go to this one."""
    if not isinstance(raw, dict):
        return False
    return any(str(raw.get(name, "")).startswith(_UNPROVEN_ID) for name in ("id", "tool_use_id"))


@define
class Showing:
    """Another vendor's hosted tools as blocks of this one's, for one answer."""

    answer_id: str
    losses: Losses
    _made: int = field(default=0, init=False)
    _last: dict[HostedKind, str] = field(factory=dict, init=False)
    """The id under which each kind was used last."""
    _due: list[str] = field(factory=list, init=False)
    """Searches of which nobody told what they found."""
    _cited: dict[str, Source] = field(factory=dict, init=False)

    def cite(self, citation: Citation) -> None:
        """Note a source of the answer's words, which may be all that is told of what a search found."""
        if citation.url is not None:
            self._cited.setdefault(citation.url, Source(citation.url, citation.title))

    def blocks(self, part: Opaque) -> list[dict[str, JSON]]:
        """The blocks that say what the part does. A page that was read is left out: here a result must hold the page."""
        step = part.meaning
        if not isinstance(step, HostedStep) or step.kind is HostedKind.WEB_FETCH:
            leave_part(part, NAME, self.losses)
            return []
        blocks: list[dict[str, JSON]] = []
        if step.asked is not None:
            blocks.append(self._use(step.kind, step.asked))
        if step.found is not None:
            blocks.append(_result(step.kind, self._last.get(step.kind) or self._new_id(step.kind), step.found))
        elif step.kind is HostedKind.WEB_SEARCH:
            self._due.append(self._last[step.kind])
        return blocks

    def rest(self) -> list[dict[str, JSON]]:
        """At the answer's end: the results of searches that were told of only by the citations."""
        due, self._due = self._due, []
        return [_result(HostedKind.WEB_SEARCH, call_id, Found(tuple(self._cited.values()))) for call_id in due]

    def _new_id(self, kind: HostedKind) -> str:
        self._made += 1
        self._last[kind] = _UNPROVEN_ID + digest_id(f"{self.answer_id}/{self._made}")
        return self._last[kind]

    def _use(self, kind: HostedKind, asked: tuple[str, ...]) -> dict[str, JSON]:
        words = {"code": "\n".join(asked)} if kind is HostedKind.CODE_EXECUTION else {"query": "; ".join(asked)}
        return {"type": "server_tool_use", "id": self._new_id(kind), "name": kind.value, "input": words}


def _result(kind: HostedKind, call_id: str, found: Found) -> dict[str, JSON]:
    content: JSON
    if kind is HostedKind.CODE_EXECUTION:
        failed = found.error is not None
        printed = {"stdout": found.output, "stderr": found.error or "", "return_code": int(failed)}
        content = {"type": "code_execution_result", **printed, "content": []}
    elif found.error is not None:
        content = {"type": "web_search_tool_result_error", "error_code": "unavailable"}
    else:
        content = [
            {"type": "web_search_result", "url": each.url, "title": each.title or each.url, "encrypted_content": UNPROVEN, "page_age": None}
            for each in found.sources
        ]
    return {"type": f"{kind.value}_tool_result", "tool_use_id": call_id, "content": content}
