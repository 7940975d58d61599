"""What this machine offers without any configuration. The probes are passed in, so that this file touches nothing."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence

from attrs import frozen

from ccproxy_cli.config.environment import Environment, Found
from ccproxy_cli.config.origin import Kind, Origin
from ccproxy_cli.config.secrets import PLACEHOLDER
from ccproxy_cli.config.settings import ProviderSettings
from ccproxy_cli.config.vendors import Vendor, is_own

ECHO = "echo"

OPENAI_ADDRESS = "OPENAI_BASE_URL"
GEMINI_ADDRESS = "GOOGLE_GEMINI_BASE_URL"
ADDRESSES = (OPENAI_ADDRESS, GEMINI_ADDRESS)
"""Variables that lead a detected provider elsewhere than to its vendor."""
_AZURE_VERSION = "AZURE_API_VERSION"
"""In the proxies that people come from it makes Azure of OpenAI's variables."""
_DATED = "-deployments"
"""Ends the name of a preset for an older API of the same vendor."""
_FIRST = frozenset({"anthropic", "openai", "openai-responses", "gemini"})
"""Vendors with rules of their own."""


def _nothing() -> str | None:
    return None


@frozen
class Running:
    """A model server on this machine."""

    preset: str
    address: str
    """Fit to be shown."""


def _none_running() -> Sequence[Running]:
    return ()


@frozen
class Probes:
    """How to look around. Each answers with what it found, fit to be shown, or None."""

    claude_cli: Callable[[], str | None] = _nothing
    """Path of the Claude CLI."""
    servers: Callable[[], Sequence[Running]] = _none_running
    """Model servers that run here, in order of preference."""


@frozen
class Detected:
    """A provider that needs no configuration."""

    name: str
    settings: ProviderSettings
    origin: Origin


def detect(environments: Sequence[Environment], probes: Probes, vendors: Collection[Vendor] = ()) -> Iterator[Detected]:
    """The providers there are, in order of preference: the user's own login, keys in the environment, what runs on this machine.

    Args:
        environments: strongest first.
        vendors: those whose keys to look for besides the best known ones.
    """
    if path := probes.claude_cli():
        yield Detected("claude", ProviderSettings("claude-code"), Origin(Kind.DETECTED, f"Claude CLI at {path}"))
    if (key := _first(environments, "ANTHROPIC_API_KEY")) and not is_client_key(key, environments):
        yield Detected("anthropic", ProviderSettings("anthropic", api_key=f"env:{key.name}"), Origin(Kind.DETECTED, key.name))
    names = {"anthropic"}
    if key := _first(environments, "OPENAI_API_KEY"):
        found = _behind_openais_key(key, environments, vendors)
        names |= {found.name}
        yield found
    if key := _first(environments, "GEMINI_API_KEY"):
        url = _first(environments, GEMINI_ADDRESS)
        settings = ProviderSettings("gemini", base_url=_versioned(url.value) if url else None, api_key=f"env:{key.name}")
        yield Detected("gemini", settings, _origin(key, url))
    for found in _keyed(environments, vendors):
        if found.name not in names:
            yield found
    for server in probes.servers():
        yield Detected(server.preset, ProviderSettings(server.preset), Origin(Kind.DETECTED, f"{server.preset} at {server.address}"))


def _behind_openais_key(key: Found, environments: Sequence[Environment], vendors: Collection[Vendor]) -> Detected:
    """OpenAI, or whoever else is meant by its variables: many programs know no others."""
    url = _first(environments, OPENAI_ADDRESS)
    preset = "openai"
    if url is not None:
        if _first(environments, _AZURE_VERSION):
            preset = f"azure{_DATED}"
        else:
            preset = next((vendor.name for vendor in vendors if vendor.name not in _FIRST and is_own(vendor, url.value)), "openai")
    settings = ProviderSettings(preset, base_url=url.value if url else None, api_key=f"env:{key.name}")
    return Detected(preset.removesuffix(_DATED), settings, _origin(key, url))


def _keyed(environments: Sequence[Environment], vendors: Collection[Vendor]) -> Iterator[Detected]:
    """The vendors whose key, and whatever else they need, is there."""
    named: set[str] = set()
    for vendor in sorted(vendors, key=lambda vendor: not any(_first(environments, name) for name in vendor.variables)):
        name = vendor.name.removesuffix(_DATED)
        if vendor.name in _FIRST or vendor.key_optional or name in named:
            continue
        key = next((found for variable in vendor.key_variables if (found := _first(environments, variable))), None)
        if key is None or not all(_first(environments, needed) for needed in vendor.needs):
            continue
        address = next((found for variable in vendor.address_variables if (found := _first(environments, variable))), None)
        if vendor.base_url is None and address is None:
            continue
        named.add(name)
        settings = ProviderSettings(vendor.name, base_url=address.value if address else None, api_key=f"env:{key.name}")
        yield Detected(name, settings, _origin(key, address))


def _origin(key: Found, url: Found | None) -> Origin:
    return Origin(Kind.DETECTED, f"{key.name} and {url.name}" if url else key.name)


def is_client_key(key: Found, environments: Sequence[Environment]) -> bool:
    """Whether ANTHROPIC_API_KEY is what clients must send, as in the proxies that read BIG_MODEL, and no key of Anthropic's own."""
    return not key.value.startswith("sk-ant-") and any(True for environment in environments for _ in environment.model_classes())


def _versioned(url: str) -> str:
    """Google's tools take an address without the API's version, and add it themselves."""
    plain = url.rstrip("/")
    return plain if re.search(r"/v\d\w*$", plain) else f"{plain}/v1beta"


def _first(environments: Sequence[Environment], name: str) -> Found | None:
    found = next((found for environment in environments if (found := environment.get(name))), None)
    return None if found and found.value == PLACEHOLDER else found
