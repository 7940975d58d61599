"""Recorded traffic beside the checkout, where there is some. The tests pass without it; with it they prove more."""

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from attrs import define

ROOT = next((parent / "shared" / "corpus" for parent in Path(__file__).parents if (parent / "shared" / "corpus").is_dir()), None)
FOLDERS = {"anthropic": "anthropic_messages", "openai-chat": "openai_chat", "openai-responses": "openai_responses", "gemini": "gemini"}
ENDPOINTS = {
    "anthropic": ("messages",),
    "openai-chat": ("chat",),
    "openai-responses": ("responses",),
    "gemini": ("generateContent", "streamGenerateContent"),
}
"""Where answers are asked for."""
REASON = "no recorded corpus beside the checkout"

needs_corpus = pytest.mark.skipif(ROOT is None, reason=REASON)


@define(slots=False)
class Entry:
    """One recorded request and its answer."""

    format: str
    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @cached_property
    def meta(self) -> dict[str, Any]:
        return json.loads((self.path / "meta.json").read_bytes())  # type: ignore[no-any-return]

    @property
    def ok(self) -> bool:
        status: int = self.meta["status"]
        return 200 <= status < 300

    @cached_property
    def request(self) -> bytes | None:
        return self._bytes("request.json")

    @cached_property
    def response(self) -> bytes | None:
        return self._bytes("response.json")

    @cached_property
    def stream(self) -> bytes | None:
        return self._bytes("response.sse")

    def _bytes(self, name: str) -> bytes | None:
        path = self.path / name
        return path.read_bytes() if path.exists() else None


def entries(format_name: str, *endpoints: str) -> list[Entry]:
    """The entries of one format whose endpoint is among those named; all endpoints if none is."""
    if ROOT is None:
        return []
    found = (Entry(format_name, path) for path in sorted((ROOT / FOLDERS[format_name]).iterdir()) if path.is_dir())
    return [entry for entry in found if not endpoints or entry.meta["endpoint"] in endpoints]
