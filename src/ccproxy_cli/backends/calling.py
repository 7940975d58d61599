"""What a provider wants of every call besides what its format says: a path with the model in it, a query, headers, members of the body."""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote

from attrs import evolve, field, frozen

from ccproxy_cli.backends.credentials import Secret
from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.formats import Format
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import JSON, dumps, join_members, split_members

MODEL = "{model}"
"""Stands for the model's name in a path."""

_NOTHING: Mapping[str, str] = MappingProxyType({})


@frozen
class Calling:
    """How one provider is called."""

    model_path: str = ""
    """Before the path of every call that is about a model; the name stands at `{model}`."""
    query: Mapping[str, str] = _NOTHING
    headers: Mapping[str, str] = _NOTHING
    """Names in lower case."""
    secrets: Mapping[str, Secret] = field(factory=dict, repr=False)
    """Headers whose values are fetched. Names in lower case."""
    body: Mapping[str, JSON] = MappingProxyType({})
    """Members that a body gets if it does not have them."""
    travelling: frozenset[str] = frozenset()
    """Of a client's headers, those that this provider reads besides its format's own. Names in lower case."""
    lists_models: bool = True
    """It has a list of what can be asked for."""

    def place(self, call: HTTPCall, spoken: Format) -> HTTPCall:
        """The call where this provider expects it.

        Raises:
            BadRequest: the model's name cannot stand in a path.
        """
        if self.model_path and call.method == "POST":
            model = quote(spoken.peek(call).model, safe="")
            if not model.strip("."):
                raise BadRequest("model: cannot be part of an address", "model")
            call = evolve(call, path=self.model_path.replace(MODEL, model) + call.path)
        if self.query:
            said = {pair.partition("=")[0] for pair in call.query.split("&")}
            pairs = [f"{quote(name)}={quote(value)}" for name, value in self.query.items() if name not in said]
            call = evolve(call, query="&".join([*filter(None, [call.query]), *pairs]))
        return call

    def fill(self, call: HTTPCall) -> HTTPCall:
        """The call with the members that this provider wants in its body, those that it has as they are."""
        if not self.body:
            return call
        members = split_members(call.body)
        added = {name: dumps(value) for name, value in self.body.items() if name not in members}
        return evolve(call, body=join_members({**members, **added})) if added else call


PLAIN = Calling()
"""As the format says and no more."""
