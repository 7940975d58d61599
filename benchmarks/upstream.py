"""A vendor that answers at once, in two formats: as small and as fast as Python allows, so that the measured server is what is busy.

python benchmarks/upstream.py PORT [SECONDS]

SECONDS pass between two writes of a stream, which has fifty; none if they are not given.
"""

import asyncio
import sys

DELTAS = 200
_WORDS = "the quick brown fox "
_TEXT = _WORDS * 20

_CHAT = (
    '{"id":"chatcmpl-1","object":"chat.completion","created":1750000000,"model":"measured-model","choices":[{"index":0,"message":'
    f'{{"role":"assistant","content":"{_TEXT}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],'
    '"usage":{"prompt_tokens":90,"completion_tokens":80,"total_tokens":170}}'
)
_MESSAGE = (
    '{"id":"msg_1","type":"message","role":"assistant","model":"measured-model","content":'
    f'[{{"type":"text","text":"{_TEXT}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":90,"output_tokens":80}}}}'
)


def _chat_frames() -> list[str]:
    head = '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1750000000,"model":"measured-model",'
    frames = [head + '"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}']
    frames += [head + f'"choices":[{{"index":0,"delta":{{"content":"{_WORDS}"}},"finish_reason":null}}]}}'] * DELTAS
    frames.append(head + '"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}')
    frames.append(head + '"choices":[],"usage":{"prompt_tokens":90,"completion_tokens":200,"total_tokens":290}}')
    return [f"data: {frame}\n\n" for frame in [*frames, "[DONE]"]]


def _message_frames() -> list[str]:
    delta = f'{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{_WORDS}"}}}}'
    events = [
        ("message_start", '{"type":"message_start","message":' + _MESSAGE.replace(f'{{"type":"text","text":"{_TEXT}"}}', "") + "}"),
        ("content_block_start", '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'),
        *[("content_block_delta", delta)] * DELTAS,
        ("content_block_stop", '{"type":"content_block_stop","index":0}'),
        ("message_delta", '{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":200}}'),
        ("message_stop", '{"type":"message_stop"}'),
    ]
    return [f"event: {name}\ndata: {data}\n\n" for name, data in events]


def _whole(body: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_AT_ONCE = 4
"""Frames in one write: what a proxy that is busy finds when it reads."""


def _chunks(frames: list[str]) -> list[bytes]:
    groups = ["".join(frames[start : start + _AT_ONCE]).encode() for start in range(0, len(frames), _AT_ONCE)]
    return [b"%x\r\n%b\r\n" % (len(group), group) for group in groups] + [b"0\r\n\r\n"]


class Vendor(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._heard = b""
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, end, body = self._heard.partition(b"\r\n\r\n")
        if not end:
            return
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(body) < int(length or 0):
            return
        self._heard = b""
        chat, streams = b"chat/completions" in head, b'"stream":true' in body.replace(b": ", b":")
        if not streams:
            self._transport.write(CHAT if chat else MESSAGE)
        else:
            self._task = asyncio.get_running_loop().create_task(self._stream(CHAT_STREAM if chat else MESSAGE_STREAM))

    async def _stream(self, chunks: list[bytes]) -> None:
        self._transport.write(_STREAM_HEAD)
        for chunk in chunks:
            self._transport.write(chunk)
            await asyncio.sleep(PAUSE)


PAUSE = float(sys.argv[2]) if sys.argv[2:] else 0.0
CHAT, MESSAGE = _whole(_CHAT), _whole(_MESSAGE)
CHAT_STREAM, MESSAGE_STREAM = _chunks(_chat_frames()), _chunks(_message_frames())


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Vendor, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
