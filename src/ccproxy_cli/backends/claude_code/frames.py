"""One frame of the CLI's protocol, and one question to a process that nobody else is talking to."""

import asyncio
from collections.abc import Mapping

from ccproxy_cli.backends.claude_code.process import Child
from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.jsontext import JSON, JSONError, dumps, loads


def parse_frame(line: bytes) -> dict[str, JSON] | None:
    """The frame on a line; None for lines that do not even begin like one, which helpers of the CLI may print.

    Raises:
        BadUpstream: it begins like a frame and is none.
    """
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        frame = loads(line)
    except JSONError as error:
        raise BadUpstream(f"Claude Code sent a line that is not JSON: {error}") from error
    return frame if isinstance(frame, dict) else None


async def ask(child: Child, name: str, request: Mapping[str, JSON], within: float) -> Mapping[str, JSON]:
    """Make a control request and read the process's output up to its answer. Every other frame is dropped.

    Args:
        name: the request's id, which must not have been used with this process.
        within: seconds for the answer.

    Raises:
        BadUpstream: refused, ended, or silent.
    """
    try:
        async with asyncio.timeout(within):
            await child.write(dumps({"type": "control_request", "request_id": name, "request": request}) + b"\n")
            while (line := await child.next_line()) is not None:
                frame = parse_frame(line) or {}
                response = frame.get("response")
                if frame.get("type") == "control_response" and isinstance(response, dict) and response.get("request_id") == name:
                    return _content(response, request)
    except TimeoutError as error:
        raise BadUpstream(f"Claude Code did not answer within {within:g} seconds") from error
    raise BadUpstream("Claude Code ended before it answered")


def _content(response: Mapping[str, JSON], request: Mapping[str, JSON]) -> Mapping[str, JSON]:
    if response.get("subtype") != "success":
        raise BadUpstream(f"this version of Claude Code refuses {request['subtype']}: {str(response.get('error'))[:300]}")
    content = response.get("response")
    return content if isinstance(content, dict) else {}
