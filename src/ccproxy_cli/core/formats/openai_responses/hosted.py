"""Hosted tools, both ways: how they are declared, what they were asked, and what they found.

Where other vendors tell the asking and the finding apart, one item tells both here. Opening a page is one of the things that the search
tool does.
"""

from collections.abc import Iterator, Mapping, Sequence

from attrs import define, evolve, field

from ccproxy_cli.core.extras import Losses, extras_of
from ccproxy_cli.core.formats.openai_responses.wire import NAME
from ccproxy_cli.core.hosted import Found, HostedKind, HostedStep, HostedTool, Location, Source
from ccproxy_cli.core.ids import digest_id
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Opaque

SEARCH, CODE = "web_search", "code_interpreter"
SOURCES, OUTPUTS = "web_search_call.action.sources", "code_interpreter_call.outputs"
"""What has to be asked for to be told (`include`)."""
_MODELED = frozenset({"type", "filters", "user_location", "search_context_size"})
_USUAL: Mapping[str, JSON] = {"external_web_access": True, "container": {"type": "auto"}}
"""Members that say what holds anyhow."""


# Declarations


def kind_of(word: str) -> HostedKind | None:
    """The kind of a tool by its type; None if no other vendor has one of its kind."""
    if word.startswith(SEARCH):
        return HostedKind.WEB_SEARCH
    return HostedKind.CODE_EXECUTION if word == CODE else None


def read_tool(raw: Mapping[str, JSON]) -> HostedTool | None:
    """What a tool of the vendor's amounts to; None if no other vendor has one of its kind."""
    kind = kind_of(str(raw.get("type")))
    if kind is None:
        return None
    filters, size = raw.get("filters"), raw.get("search_context_size")
    filters = filters if isinstance(filters, dict) else {}
    allowed = filters.get("allowed_domains")
    rest = {name: value for name, value in raw.items() if name not in _MODELED and _USUAL.get(name) != value}
    rest |= {f"filters.{name}": value for name, value in filters.items() if name != "allowed_domains"}
    return HostedTool(
        kind,
        allowed_domains=tuple(name for name in allowed if isinstance(name, str)) if isinstance(allowed, list) else (),
        location=Location.of(raw.get("user_location")),
        context_size=size if isinstance(size, str) else None,
        extras=extras_of(NAME, rest),
    )


def write_tool(tool: HostedTool, path: str, losses: Losses) -> Opaque:
    """Another vendor's tool as this one's of its kind. Pages are read by the tool that searches. `max_uses` is the request's to say."""
    losses.add_foreign(tool.extras, NAME, path)
    if tool.kind is HostedKind.CODE_EXECUTION:
        return Opaque(NAME, {"type": CODE, "container": {"type": "auto"}}, tool)
    if tool.kind is HostedKind.WEB_FETCH:
        losses.add(path, f"{NAME} reads pages with its search tool, which may search as well")
    if tool.blocked_domains:
        losses.add(f"{path}.blocked_domains", f"{NAME} cannot leave domains out")
    written: dict[str, JSON] = {"type": SEARCH}
    if tool.allowed_domains:
        written["filters"] = {"allowed_domains": list(tool.allowed_domains)}
    if tool.location is not None:
        written["user_location"] = {"type": "approximate", **tool.location.members()}
    if tool.context_size is not None:
        written["search_context_size"] = tool.context_size
    return Opaque(NAME, written, evolve(tool, kind=HostedKind.WEB_SEARCH))


# What they did


def read_step(raw: Mapping[str, JSON]) -> HostedStep | None:
    """What an item says of a hosted tool; None if it says nothing that other vendors could."""
    match raw:
        case {"type": "web_search_call"}:
            action = raw.get("action")
            return _read_search(_text(raw, "id"), action if isinstance(action, dict) else {}, failed=raw.get("status") == "failed")
        case {"type": "code_interpreter_call"}:
            code = raw.get("code")
            found = _read_outputs(raw.get("outputs"), failed=raw.get("status") == "failed")
            return HostedStep(HostedKind.CODE_EXECUTION, _text(raw, "id"), (code,) if isinstance(code, str) else (), found)
        case _:
            return None


def _text(raw: Mapping[str, JSON], name: str) -> str:
    value = raw.get(name)
    return value if isinstance(value, str) else ""


def _read_search(call_id: str, action: Mapping[str, JSON], *, failed: bool) -> HostedStep:
    if "url" in action:  # a page was opened, or looked through
        address = _text(action, "url")
        return HostedStep(HostedKind.WEB_FETCH, call_id, (address,), Found((Source(address),)))
    queries, sources = action.get("queries"), action.get("sources")
    asked = [query for query in queries if isinstance(query, str)] if isinstance(queries, list) else []
    asked = asked or [query for query in (_text(action, "query"),) if query]
    found = Found(error="failed") if failed else None
    if isinstance(sources, list):
        addresses = tuple(Source(each["url"]) for each in sources if isinstance(each, dict) and isinstance(each.get("url"), str))
        found = Found(addresses, error="failed" if failed else None)
    return HostedStep(HostedKind.WEB_SEARCH, call_id, tuple(asked), found)


def _read_outputs(outputs: JSON, *, failed: bool) -> Found | None:
    if not isinstance(outputs, list):
        return None
    logs = "".join(_text(each, "logs") for each in outputs if isinstance(each, dict))
    return Found(output=logs, error="failed" if failed else None)


def write_step(step: HostedStep, item_id: str) -> dict[str, JSON]:
    """The item that tells both halves of a step."""
    asked, found = step.asked or (), step.found or Found()
    status = "completed" if found.error is None else "failed"
    if step.kind is HostedKind.CODE_EXECUTION:
        outputs = [{"type": "logs", "logs": found.output}] if found.output else []
        code = {"code": "\n".join(asked), "container_id": "cntr_" + digest_id(item_id), "outputs": outputs}
        return {"type": "code_interpreter_call", "id": item_id, "status": status, **code}
    action: dict[str, JSON] = {"type": "open_page", "url": asked[0] if asked else None}
    if step.kind is HostedKind.WEB_SEARCH:
        action = {"type": "search", "query": asked[0] if asked else "", "queries": list(asked)}
        if found.sources:
            action["sources"] = [{"type": "url", "url": each.url} for each in found.sources]
    return {"type": "web_search_call", "id": item_id, "status": status, "action": action}


def item_events(raw: dict[str, JSON], number: int) -> Iterator[tuple[str, dict[str, JSON]]]:
    """The events of a stream that tell a whole item of another vendor's tool, as clients expect them: each one's type and members."""
    kind, place = raw["type"], {"output_index": number}
    at = {"item_id": raw["id"], **place}
    begun = {**raw, "status": "in_progress"}
    busy = "searching"
    if kind == "code_interpreter_call":
        begun |= {"code": "", "outputs": None}
        busy = "interpreting"
    yield "response.output_item.added", {**place, "item": begun}
    yield f"response.{kind}.in_progress", at
    if kind == "code_interpreter_call":
        yield f"response.{kind}_code.delta", {**at, "delta": raw["code"]}
        yield f"response.{kind}_code.done", {**at, "code": raw["code"]}
    yield f"response.{kind}.{busy}", at
    yield f"response.{kind}.completed", at
    yield "response.output_item.done", {**place, "item": raw}


@define
class Halves:
    """Joins what other vendors tell in two steps."""

    _asked: list[HostedStep] = field(factory=list)

    def feed(self, step: HostedStep) -> Sequence[HostedStep]:
        """The whole steps that there are now."""
        if step.asked is None:
            whole = next((each for each in self._asked if each.call_id == step.call_id and each.kind is step.kind), None)
            if whole is None:
                return ()
            self._asked.remove(whole)
            return (evolve(whole, found=step.found),)
        if step.found is not None:
            return (step,)
        self._asked.append(step)
        return ()

    def rest(self) -> Sequence[HostedStep]:
        """Those that nobody told the finding of."""
        asked, self._asked = self._asked, []
        return asked
