"""The conversation with one CLI process, below the SDK: which frames go up to it, and which are answered here.

The SDK raises on every frame it does not know, so nothing reaches it but raw stream events and frames in an envelope that it passes on
unread. Requests of the CLI (may this tool run? what tools are there?) are answered here and never reach it.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping

from ccproxy_cli.backends.claude_code.frames import parse_frame
from ccproxy_cli.backends.claude_code.plan import Plan
from ccproxy_cli.backends.claude_code.process import Child
from ccproxy_cli.core.errors import APIError, BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.jsontext import JSON, dumps, loads

ENVELOPE = "ccproxy_frame"
"""Subtype of the system frames in which other frames travel through the SDK."""
_NOWHERE = "http://127.0.0.1:0"
_SPENT = {
    "subtype": "apply_flag_settings",
    "settings": {
        "env": {
            "ANTHROPIC_BASE_URL": _NOWHERE,
            "ANTHROPIC_BEDROCK_BASE_URL": _NOWHERE,
            "ANTHROPIC_VERTEX_BASE_URL": _NOWHERE,
            "ANTHROPIC_FOUNDRY_BASE_URL": _NOWHERE,
            "CLAUDE_CODE_EXTRA_BODY": '{"max_tokens":-1}',
        }
    },
}
"""Whatever the CLI asks next leads nowhere, as it looks the address up for each request (2.1.329); a version that does not is refused."""


class Session:
    """One process bound to one plan."""

    def __init__(self, child: Child, plan: Plan) -> None:
        self.plan = plan
        self.failure: BadUpstream | UpstreamError | None = None
        """What went wrong on our side of the SDK, which would swallow it or lose its type."""
        self.welcome: Mapping[str, JSON] = {}
        """The CLI's answer to `initialize`: models, account."""
        self.limits: Mapping[str, JSON] = {}
        """What it said last about the limits of a subscription."""
        self._child = child
        self._sdk_requests: set[str] = set()
        self._initialize_id: str | None = None
        self._count = 0
        self._spent = False
        self._requests: dict[str, asyncio.Future[Mapping[str, JSON]]] = {}
        self._bindings: list[tuple[Mapping[str, JSON], asyncio.Future[Mapping[str, JSON]]]] = []
        self._remembered: asyncio.Future[None] | None = None

    def fail(self, failure: BadUpstream | UpstreamError) -> None:
        """Give up: note why, and let the process go."""
        self.failure = self.failure or failure
        self._child.kill()

    async def script(self) -> AsyncIterator[dict[str, JSON]]:
        """The frames that say the plan, each given out when the process is ready for it."""
        try:
            for request, answer in self._bindings:
                _check(request, await answer)
            for index in range(len(self.plan.turns)):
                frame = self.plan.frame(index)
                if frame.get("shouldQuery") is False:
                    # Without waiting for the process to remember one turn before the next, their order is lost.
                    self._remembered = asyncio.get_running_loop().create_future()
                    yield frame
                    await self._remembered
                else:
                    yield frame
        except UpstreamError as error:
            self.fail(error)

    async def send(self, text: str) -> None:
        """Pass on what the SDK wants to say."""
        if text.startswith('{"type": "control_request"'):
            frame = loads(text)
            self._sdk_requests.add(frame["request_id"])
            if frame["request"]["subtype"] == "initialize":
                self._initialize_id = frame["request_id"]
                frame["request"] |= self.plan.initialize
                await self._write(frame)
                # Not one after the other: each answer takes the CLI some milliseconds, and the turns wait for them all.
                self._bindings = [(request, await self._ask(request)) for request in self.plan.controls]
            else:
                await self._write(frame)
        else:
            await self._child.write(text.encode())

    async def frames(self) -> AsyncIterator[dict[str, JSON]]:
        """The frames for the SDK, until the process ends."""
        try:
            while (line := await self._child.next_line()) is not None:
                if (frame := parse_frame(line)) is not None and (told := await self._route(frame)) is not None:
                    yield told
        except (BadUpstream, UpstreamError) as error:
            self.fail(error)
        for request_id in self._sdk_requests:  # it would wait a minute for answers that cannot come
            yield {"type": "control_response", "response": {"subtype": "error", "request_id": request_id, "error": "the process ended"}}

    async def _route(self, frame: dict[str, JSON]) -> dict[str, JSON] | None:
        match frame:
            case {"type": "stream_event", "event": dict() as event} if frame.get("parent_tool_use_id") is None:
                if event.get("type") == "content_block_start" and not self._spent and not self.plan.agent:
                    await self._spend()
                return {"uuid": "", "session_id": "", **frame}
            case {"type": "control_response", "response": dict() as response}:
                return self._take_response(frame, response)
            case {"type": "control_request", "request_id": str(request_id), "request": dict() as request}:
                await self._answer(request_id, request)
            case {"type": "result", "num_turns": 0} if self._remembered is not None and not self._remembered.done():
                self._remembered.set_result(None)
            case {"type": "rate_limit_event", "rate_limit_info": dict() as limits}:
                self.limits = limits
                return _enveloped(frame)
            case {"type": "user", "message": dict() as message} if self.plan.agent and frame.get("parent_tool_use_id") is None:
                return _enveloped({"type": "user", "message": message})
            case {"type": "assistant", "error": str(error)}:
                return _enveloped({"type": "assistant", "error": error})
            case {"type": "result"} | {"type": "system", "subtype": "api_retry"}:
                return _enveloped(frame)
            case _:
                pass
        return None

    def _take_response(self, frame: dict[str, JSON], response: dict[str, JSON]) -> dict[str, JSON] | None:
        request_id = response.get("request_id")
        waiting = self._requests.pop(str(request_id), None)
        if waiting is not None:
            if not waiting.done():
                waiting.set_result(response)
            return None
        if request_id == self._initialize_id and isinstance(response.get("response"), dict):
            self.welcome = response["response"]
        self._sdk_requests.discard(str(request_id))
        return frame

    async def _answer(self, request_id: str, request: dict[str, JSON]) -> None:
        """Answer a request of the CLI's. Whatever it may ask leave for, there is none."""
        response: dict[str, JSON]
        match request:
            case {"subtype": "mcp_message", "message": dict() as message} if self.plan.bridge is not None:
                answer = self.plan.bridge.answer(message)
                if answer is None:
                    return
                response = {"subtype": "success", "response": {"mcp_response": answer}}
            case {"subtype": "can_use_tool"}:
                denial = {"behavior": "deny", "message": "no tool may run here", "interrupt": True}
                response = {"subtype": "success", "response": denial}
            case _:
                response = {"subtype": "error", "error": f"{request.get('subtype')} is not answered here"}
        await self._write({"type": "control_response", "response": {**response, "request_id": request_id}})

    async def _spend(self) -> None:
        """One answer is under way, and no other will be wanted: where an API stops, at its token limit for one, the CLI asks on.

        The process is ended then, but a request would be on its way already, and billed.
        """
        self._spent = True
        await self._write({"type": "control_request", "request_id": "ccproxy_spent", "request": _SPENT})

    async def _ask(self, request: Mapping[str, JSON]) -> "asyncio.Future[Mapping[str, JSON]]":
        """Make a control request; what comes back later."""
        self._count += 1
        request_id = f"ccproxy_{self._count}"
        waiting = self._requests[request_id] = asyncio.get_running_loop().create_future()
        await self._write({"type": "control_request", "request_id": request_id, "request": request})
        return waiting

    async def _write(self, frame: Mapping[str, JSON]) -> None:
        await self._child.write(dumps(frame) + b"\n")


def _check(request: Mapping[str, JSON], response: Mapping[str, JSON]) -> None:
    if response.get("subtype") == "error":
        message = f"this version of Claude Code refuses {request['subtype']}: {str(response.get('error'))[:300]}"
        raise UpstreamError(APIError(ErrorKind.BAD_UPSTREAM, message))


def _enveloped(frame: dict[str, JSON]) -> dict[str, JSON]:
    return {"type": "system", "subtype": ENVELOPE, "frame": frame}
