"""A stand-in for the CLI that misbehaves as its first argument, taken from the model name, says. Speaks just enough of the protocol."""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any


def out(frame: Any) -> None:
    sys.stdout.write((frame if isinstance(frame, str) else json.dumps(frame)) + "\n")
    sys.stdout.flush()


def event(kind: str, **members: Any) -> None:
    out({"type": "stream_event", "uuid": "u", "session_id": "s", "parent_tool_use_id": None, "event": {"type": kind, **members}})


def begin() -> None:
    message: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
    event("message_start", message={**message, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}})
    event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    event("content_block_delta", index=0, delta={"type": "text_delta", "text": "some words"})


def finish() -> None:
    event("content_block_stop", index=0)
    event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 2})
    event("message_stop")
    out({"type": "result", "subtype": "success", "is_error": False, "num_turns": 1, "result": "some words"})


def misbehave(mode: str) -> None:
    match mode:
        case "noise":
            out("[warning] something harmless")
            out('{"type":"a_frame_of_next_year","payload":{}}')
            begin()
            finish()
        case "garbage":
            out("{this is not json")
        case "bad-utf8":
            begin()
            sys.stdout.buffer.write(b'{"type":"x","y":"\xff"}\n')
            sys.stdout.buffer.flush()
            finish()
        case "exits":
            sys.stderr.write("fatal: token sk-ant-oat01-NEVERSHOWTHIS-abcdef rejected\n")
            sys.exit(3)
        case "killed":
            begin()
            os.kill(os.getpid(), signal.SIGKILL)
        case "half-line":
            begin()
            sys.stdout.write('{"type":"stream_event","ev')
            sys.stdout.flush()
            sys.exit(0)
        case "no-result":
            begin()
            event("content_block_stop", index=0)
            sys.exit(0)
        case "stubborn":
            begin()
            time.sleep(600)
        case "helper":
            subprocess.Popen(["sleep", "600"])
            begin()
            time.sleep(600)
        case "asks":
            out({"type": "control_request", "request_id": "p1", "request": {"subtype": "can_use_tool", "tool_name": "Bash", "input": {}}})
            answer = json.loads(sys.stdin.readline())["response"]
            assert answer["request_id"] == "p1"
            begin()
            event("content_block_delta", index=0, delta={"type": "text_delta", "text": f" {answer['response']['behavior']}"})
            finish()
        case _:
            begin()
            finish()


def main() -> None:
    mode = sys.argv[sys.argv.index("--model") + 1]
    if mode == "stubborn":
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
    for line in sys.stdin:
        frame = json.loads(line)
        if frame["type"] == "control_request":
            if mode == "deaf":
                time.sleep(600)
            content: dict[str, Any] = {"mcpServers": []} if frame["request"]["subtype"] == "mcp_status" else {}
            response = {"subtype": "success", "request_id": frame["request_id"], "response": content}
            if mode == "old" and frame["request"]["subtype"] == "apply_flag_settings":
                response = {"subtype": "error", "request_id": frame["request_id"], "error": "unknown subtype"}
            out({"type": "control_response", "response": response})
        elif frame["type"] == "user":
            misbehave(mode)


if __name__ == "__main__":
    main()
