"""What a client reads of a stream's frames, by format."""

from collections.abc import Sequence
from typing import Any


def deltas(frames: Sequence[Any]) -> list[Any]:
    """Of a Chat stream, what each chunk adds."""
    return [choice["delta"] for frame in frames for choice in frame["choices"]]


def chat_calls(frames: Sequence[Any]) -> list[tuple[int, str]]:
    """Of a Chat stream, the place and the text of every piece of a call."""
    pieces = [piece for delta in deltas(frames) for piece in delta.get("tool_calls") or ()]
    return [(piece["index"], piece["function"].get("arguments", "")) for piece in pieces]


def kinds(frames: Sequence[Any]) -> list[str]:
    """Of an Anthropic or Responses stream, its events by name."""
    return [frame["type"] for frame in frames]


def of_kind(frames: Sequence[Any], kind: str) -> list[Any]:
    return [frame for frame in frames if frame["type"] == kind]


def finishes(frames: Sequence[Any]) -> list[str]:
    return [choice["finish_reason"] for frame in frames for choice in frame["choices"] if choice["finish_reason"]]


def gemini_parts(frames: Sequence[Any]) -> list[Any]:
    return [part for frame in frames for candidate in frame["candidates"] for part in (candidate.get("content") or {}).get("parts") or ()]


def last_usage(frames: Sequence[Any]) -> Any:
    return of_kind(frames, "message_delta")[-1]["usage"]
