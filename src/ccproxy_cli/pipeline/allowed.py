"""Which models each client may ask for."""

import re
from collections.abc import Mapping, Sequence

from ccproxy_cli.core.errors import BadRequest, ErrorKind
from ccproxy_cli.pipeline.route import check_length, compile_pattern, shown


class Allowed:
    """The globs of every client that is limited to some. They are about the names that clients ask for, not about where these lead."""

    def __init__(self, models: Mapping[str, Sequence[str]]) -> None:
        """
        Args:
            models: by client. Who is not among them may ask for everything.
        """
        self._patterns: dict[str, list[re.Pattern[str]]] = {
            client: [compile_pattern(glob) for glob in globs] for client, globs in models.items() if "*" not in globs
        }

    def may_ask(self, client: str | None, model: str) -> bool:
        """Whether the client may ask for the model."""
        patterns = self._patterns.get(client) if client is not None else None
        return patterns is None or any(pattern.fullmatch(model) for pattern in patterns)

    def check(self, client: str | None, model: str) -> None:
        """Raises `BadRequest`, kind PERMISSION, if the client may not ask for the model; kind NOT_FOUND, if it cannot be one."""
        check_length(model)
        if not self.may_ask(client, model):
            raise BadRequest(f"model: {shown(model)} is not among the models that {client} may ask for", "model", ErrorKind.PERMISSION)
