"""Messages of a conversation, both ways: one of ours for one of theirs, so that positions are the client's."""

from attrs import define, field

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.formats.openai_chat import spelling
from ccproxy_cli.core.formats.openai_chat.assistant import read_assistant, write_assistant
from ccproxy_cli.core.formats.openai_chat.parts import read_content, write_content
from ccproxy_cli.core.formats.openai_chat.wire import KIT, WireMessage
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import ToolResult
from ccproxy_cli.core.request import Message, Role

_ROLES = {role.value: role for role in Role} | {"function": Role.TOOL}


@define
class MessageReader:
    """Reads the messages of one request in order. Calls of before tools have no ids: they get one by their number."""

    _calls: int = 0
    _waiting: list[tuple[str, str]] = field(factory=list)
    """Name and id of the calls of before tools that have no result yet."""

    def read(self, wire: WireMessage, path: str) -> Message:
        """One message.

        Raises:
            BadRequest: naming the field.
        """
        if wire.role is None:
            raise _required(f"{path}.role")
        role = _ROLES.get(wire.role)
        if role is None:
            raise BadRequest(f"{path}.role: unknown role {wire.role[:40]!r}, expected one of {sorted(_ROLES)}", f"{path}.role")
        if role is Role.TOOL:
            return self._read_result(wire, path)
        if role is Role.ASSISTANT:
            parts, flat, members = read_assistant(wire, path, BadRequest, self._legacy_id)
            if wire.tool_call_id is not None:
                members["tool_call_id"] = wire.tool_call_id
            return Message(role, parts, flat, wire.name, spelling.ours(members))
        if wire.content is None:
            raise _required(f"{path}.content")
        parts, flat = read_content(wire.content, f"{path}.content", BadRequest)
        return Message(role, parts, flat, wire.name, spelling.ours(_misplaced(wire), wire.extras))

    def _legacy_id(self, name: str) -> str:
        call_id = f"call_fn_{self._calls}"
        self._calls += 1
        self._waiting.append((name, call_id))
        return call_id

    def _read_result(self, wire: WireMessage, path: str) -> Message:
        members = _misplaced(wire) | wire.extras
        call_id = wire.tool_call_id
        if wire.role == "function":
            if wire.name is None:
                raise _required(f"{path}.name")
            members |= spelling.note(spelling.LEGACY)
            call_id = self._answered(wire.name)
        elif call_id is None:
            raise _required(f"{path}.tool_call_id")
        else:
            members.pop("tool_call_id", None)
        if wire.content is None and "content" not in wire.extras:
            members |= spelling.note(spelling.NO_CONTENT)
        parts, flat = read_content(wire.content, f"{path}.content", BadRequest)
        return Message(Role.TOOL, (ToolResult(call_id, parts, flat=flat, name=wire.name),), extras=spelling.ours(members))

    def _answered(self, name: str) -> str:
        """The id of the first waiting call of that function; of a call that never was, if there is none."""
        for waiting in self._waiting:
            if waiting[0] == name:
                self._waiting.remove(waiting)
                return waiting[1]
        return f"call_fn_{name}"


def _required(path: str) -> BadRequest:
    return BadRequest(f"{path}: Field required", path)


def _misplaced(wire: WireMessage) -> dict[str, JSON]:
    """Members that only another role's message should have, as they were written."""
    if wire.refusal is None and wire.tool_call_id is None and wire.tool_calls is None and wire.function_call is None:
        return {}
    found = WireMessage(refusal=wire.refusal, tool_call_id=wire.tool_call_id, tool_calls=wire.tool_calls, function_call=wire.function_call)
    return KIT.write(found)


def write_message(message: Message, path: str) -> dict[str, JSON]:
    """One message. Raises `BadRequest` for content that this format cannot say."""
    body: dict[str, JSON] = {"role": message.role.value, **spelling.own_members(message.extras)}
    name = message.name
    match message.role, message.parts:
        case Role.ASSISTANT, parts:
            write_assistant(body, parts, flat=message.flat, notes=message.extras, path=path)
        case Role.TOOL, (ToolResult() as result,):
            name = result.name
            _write_result(body, result, message, path)
        case _, parts:
            body["content"] = write_content(parts, flat=message.flat, path=path)
    if name is not None:
        body["name"] = name
    return body


def _write_result(body: dict[str, JSON], result: ToolResult, message: Message, path: str) -> None:
    if spelling.said(message.extras, spelling.LEGACY):
        body["role"] = "function"
    else:
        body["tool_call_id"] = result.call_id
    if result.parts or not (spelling.said(message.extras, spelling.NO_CONTENT) or spelling.said(message.extras, "content")):
        body["content"] = write_content(result.parts, flat=result.flat, path=path)
