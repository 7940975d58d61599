"""What the readers of older files share: a draft of our own tree, and what can be told of a provider from its address."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from ccproxy_cli.config.lines import Lines, line_of
from ccproxy_cli.config.origin import Kind, Origin, Path, Problem, Value

_PRESETS = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gemini",
    "openrouter.ai": "openrouter",
    "router.requesty.ai": "requesty",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral",
    "api.x.ai": "xai",
    "api.together.xyz": "together",
}
_LOCAL_PORTS = {11434: "ollama", 1234: "lmstudio"}
_ENDINGS = (
    ("/chat/completions", "openai-chat"),
    ("/responses", "openai-responses"),
    ("/v1/messages", "anthropic"),
    ("/messages", "anthropic"),
    ("/models", "gemini"),
)
"""Last words of addresses that name the endpoint and not the API."""


class Draft:
    """Our tree in the making."""

    def __init__(self, file: str, lines: Lines) -> None:
        self._file = file
        self._places = lines
        self.values: dict[Path, Value] = {}
        self.lines: dict[Path, int] = {}
        """Where what stands at a path of our tree comes from."""
        self.left_out: list[Problem] = []

    def origin(self, place: Path) -> Origin:
        return Origin(Kind.FILE, f"{self._file}:{line_of(self._places, place)}")

    def set(self, path: Path, value: Any, place: Path) -> None:
        """Say something that stands at `place` of the file."""
        self.values[path] = Value(value, self.origin(place))
        self.mark(path, place)

    def mark(self, path: Path, place: Path) -> None:
        """Note where a part of a value comes from."""
        self.lines[path] = line_of(self._places, place)

    def leave_out(self, place: Path, why: str = "there is nothing like it here") -> None:
        """Name something of the file that our tree cannot say."""
        name = ".".join(part for part in place if not part.isdigit())
        self.left_out.append(Problem(f"{name} is not carried over: {why}", self.origin(place)))

    def leave_out_rest(self, table: dict[str, Any], known: Iterable[str], place: Path, *, needless: Iterable[str] = ()) -> None:
        """Name the members of a table that nobody reads.

        Args:
            needless: members that mean nothing here and need no word.
        """
        for name in table.keys() - {*known} - {*needless}:
            self.leave_out((*place, name))

    def provider(self, name: str, address: str, format_name: str | None, key: str | None, place: Path) -> None:
        """A provider, by the address as such files write it."""
        address, told = api_address(address)
        preset = preset_of(address) or "openai-compatible"
        format_name = format_name or told
        self.set(("providers", name, "preset"), preset, place)
        self.set(("providers", name, "base_url"), address, place)
        if format_name is not None and (preset == "openai-compatible" or format_name != _OWN_FORMATS.get(preset, "openai-chat")):
            self.set(("providers", name, "format"), format_name, place)
        if key:
            self.set(("providers", name, "api_key"), key, place)


_OWN_FORMATS = {"anthropic": "anthropic", "gemini": "gemini"}


def api_address(address: str) -> tuple[str, str | None]:
    """An address without the endpoint, and the format that the endpoint tells."""
    address = address.rstrip("/")
    for ending, format_name in _ENDINGS:
        if address.endswith(ending):
            return address.removesuffix(ending), format_name
    return address, None


def preset_of(address: str) -> str | None:
    """The preset whose vendor lives at the address."""
    parts = urlsplit(address)
    if parts.hostname in ("localhost", "127.0.0.1"):
        return _LOCAL_PORTS.get(parts.port or 80)
    return _PRESETS.get(parts.hostname or "")


def provider_name(address: str, taken: Iterable[str]) -> str:
    """A name for a provider that has none: what tells its host from others, numbered if need be."""
    preset = preset_of(api_address(address)[0])
    host = urlsplit(address).hostname or "provider"
    words = [word for word in host.split(".") if word not in ("api", "www")]
    plain = preset or ("local" if host in ("localhost", "127.0.0.1") else words[-2] if len(words) > 1 else words[0])
    used = set(taken)
    return next(name for number in range(1, len(used) + 2) if (name := plain if number == 1 else f"{plain}-{number}") not in used)


def reference(key: str) -> str:
    """A key as we write it: `$NAME` and `${NAME}` stand for a variable."""
    if key.startswith("${") and key.endswith("}"):
        return f"env:{key[2:-1]}"
    return f"env:{key[1:]}" if key.startswith("$") and key[1:].isidentifier() else key
