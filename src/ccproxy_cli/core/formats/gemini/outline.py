"""What routing rules may ask of a request: see `_outline`."""

import msgspec

from ccproxy_cli.core.formats._format import Envelope
from ccproxy_cli.core.formats._outline import Outline, read, wants_title
from ccproxy_cli.core.jsontext import JSON

_SMALL = "flash-lite"
"""Gemini CLI asks these models where to send a request (seen 2026-11)."""
_SEARCHES = frozenset({"googleSearch", "google_search", "googleSearchRetrieval", "google_search_retrieval"})

_object = msgspec.json.Decoder(dict[str, JSON])
_any = msgspec.json.Decoder(JSON)
_tools = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


def outline(envelope: Envelope) -> Outline:
    """The outline of a `generateContent` call, in either spelling of its members."""
    members = envelope.members
    tools = read(members.get("tools"), _tools)
    config = read(members.get("generationConfig", members.get("generation_config")), _object) or {}
    contents = members.get("contents", b"")
    return Outline(
        thinking=_thinks(config.get("thinkingConfig", config.get("thinking_config"))),
        images=b"image/" in contents and _has_image(read(contents, _any)),
        web_search=any(name in _SEARCHES for tool in tools or () for name in tool),
        background=_SMALL in envelope.model or wants_title(tools, members.get("systemInstruction", members.get("system_instruction"))),
    )


def _thinks(config: JSON) -> bool:
    if type(config) is not dict:
        return False
    budget = config.get("thinkingBudget", config.get("thinking_budget"))
    level = config.get("thinkingLevel", config.get("thinking_level"))
    shown = config.get("includeThoughts", config.get("include_thoughts"))
    return budget != 0 and bool(budget or level or shown)


def _has_image(said: JSON) -> bool:
    """Whether a part is an image, those of functions' responses among them. What a function's JSON holds is no part."""
    turns = said if type(said) is list else [said]
    return any(_is_image(part) for turn in turns if type(turn) is dict for part in _listed(turn.get("parts")))


def _is_image(part: JSON) -> bool:
    if type(part) is not dict:
        return False
    for name in ("inlineData", "inline_data", "fileData", "file_data"):
        data = part.get(name)
        if type(data) is dict and str(data.get("mimeType", data.get("mime_type"))).startswith("image/"):
            return True
    answer = part.get("functionResponse", part.get("function_response"))
    return type(answer) is dict and any(map(_is_image, _listed(answer.get("parts"))))


def _listed(value: JSON) -> list[JSON]:
    return value if type(value) is list else [value]
