"""The arguments of a call: a function's JSON object, a custom tool's free text, and each where only the other can be said.

A vendor that knows functions alone is given a free-text tool as a function of the one string `input`.
"""

from ccproxy_cli.core.jsontext import JSON, JSONError, dumps_str, loads
from ccproxy_cli.core.parts import ToolCall, ToolKind

FREE_TEXT: JSON = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
"""The schema of that function."""


def parse_arguments(call: ToolCall) -> dict[str, JSON]:
    """The object that a call's arguments spell. None at all are an empty object.

    Raises:
        JSONError: the text is not a JSON object.
    """
    if call.kind is ToolKind.CUSTOM:
        return {"input": call.arguments}
    value = loads(call.arguments) if call.arguments.strip() else {}
    if not isinstance(value, dict):
        raise JSONError("not a JSON object")
    return value


def wrap_text(text: str) -> str:
    """The arguments of the function that stands for a free-text tool."""
    return dumps_str({"input": text})


def unwrap_text(arguments: str) -> str:
    """Undo `wrap_text`. Arguments that it did not write are the text themselves."""
    try:
        value = loads(arguments)
    except JSONError:
        return arguments
    match value:
        case {"input": str() as text}:
            return text
        case _:
            return arguments
