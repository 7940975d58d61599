"""What providers told last of what is left of an account, taken down for whoever asks later."""

from collections.abc import Mapping

from ccproxy_cli.backends.base import AccountBackend, Backend
from ccproxy_cli.core.jsontext import JSON, JSONError, dumps, loads
from ccproxy_cli.stores.base import Store
from ccproxy_cli.stores.behind import WriteBehind

_LIFETIME = 8 * 24 * 3600.0
"""Seconds: the longest window of a subscription is a week."""


class Standing:
    """Takes down what backends have been told with their answers."""

    def __init__(self, later: WriteBehind, backends: Mapping[str, Backend]) -> None:
        self._later = later
        self._backends = {name: backend for name, backend in backends.items() if isinstance(backend, AccountBackend)}
        self._noted: dict[str, Mapping[str, JSON]] = {}

    def note(self, provider: str) -> None:
        """A request to the provider is over."""
        backend = self._backends.get(provider)
        if backend is None:
            return
        told = backend.told_last
        if told and told is not self._noted.get(provider):
            self._noted[provider] = told
            self._later.put(_key(provider), dumps(dict(told)), _LIFETIME)


async def standing(store: Store, provider: str) -> Mapping[str, JSON]:
    """What the provider told last, in its backend's own words; empty if that is not known. Raises `StoreError`."""
    found = await store.get(_key(provider))
    try:
        told = None if found is None else loads(found)
    except JSONError:
        return {}
    return told if isinstance(told, dict) else {}


def _key(provider: str) -> str:
    return f"standing/{provider}"
