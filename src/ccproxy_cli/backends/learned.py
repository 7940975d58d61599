"""What a provider's refusals have taught of its models, remembered here and, for the time after, in the store."""

import contextlib
from collections.abc import Mapping

from ccproxy_cli.core.facts import Facts, merged, read_facts, write_facts
from ccproxy_cli.core.ids import digest_id
from ccproxy_cli.core.jsontext import JSONError, dumps, loads
from ccproxy_cli.stores.base import Store, StoreError

_LIFETIME = 7 * 86_400.0
"""Seconds: vendors mend their servers, too."""
_MOST_MODELS = 256
"""Names come from clients."""
_NOTHING: Facts = {}


class Learned:
    """The facts about one provider's models. Each model is looked up in the store once; from then on it costs a request nothing."""

    def __init__(self, store: Store | None = None, scope: str = "") -> None:
        """
        Args:
            scope: whose models they are; another server under the same name is another scope.
        """
        self._store = store
        self._scope = scope
        self._known: dict[str, Facts] = {}

    async def of(self, model: str) -> Facts:
        """What is known of a model."""
        known = self._known.get(model)
        return known if known is not None else await self._look_up(model)

    async def add(self, model: str, facts: Facts) -> None:
        """Remember more of a model."""
        known = merged(await self.of(model), facts)
        self._remember(model, known)
        if self._store is not None:
            with contextlib.suppress(StoreError):  # then the next process learns it anew, at the cost of one request
                await self._store.put(self._key(model), dumps(write_facts(known)), _LIFETIME)

    async def _look_up(self, model: str) -> Facts:
        found: bytes | None = None
        if self._store is not None:
            try:
                found = await self._store.get(self._key(model))
            except StoreError:
                return _NOTHING  # asked again with the next request
        try:
            known: Mapping[str, object] = read_facts(loads(found)) if found else _NOTHING
        except JSONError:
            known = _NOTHING
        self._remember(model, known)
        return known

    def _remember(self, model: str, facts: Facts) -> None:
        self._known.pop(model, None)
        while len(self._known) >= _MOST_MODELS:
            self._known.pop(next(iter(self._known)))
        self._known[model] = facts

    def _key(self, model: str) -> str:
        return f"quirk/{self._scope}/{digest_id(model)}"
