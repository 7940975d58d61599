"""Where a provider is: the address that the user gives, or the preset's own, completed from the environment."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from ccproxy_cli.backends.calling import MODEL
from ccproxy_cli.backends.presets import Preset, variables_in


class Unset(Exception):
    """The address cannot be told; `variables` would complete it, where there are any."""

    def __init__(self, variables: tuple[str, ...]) -> None:
        super().__init__(", ".join(variables))
        self.variables = variables


def address(preset: Preset, given: str | None, environ: Mapping[str, str]) -> str:
    """The base URL of a provider.

    Args:
        given: what the user wrote.

    Raises:
        Unset: nobody says it.
    """
    if given is None:
        given = next((environ[name] for name in preset.address_variables if environ.get(name)), None)
    if given is not None:
        bare = given.rstrip("/")
        return bare if urlsplit(bare).path else bare + preset.below
    if preset.base_url is None:
        raise Unset(preset.address_variables)
    return _completed(preset, preset.base_url, environ)


def _completed(preset: Preset, template: str, environ: Mapping[str, str]) -> str:
    values = {name: environ.get(name) or preset.places.get(name) or "" for name in variables_in(template)}
    if missing := tuple(name for name, value in values.items() if not re.fullmatch(r"[\w.-]+", value, re.ASCII)):
        raise Unset(missing)
    filled = template.format_map(values)
    for usual, special in preset.respelled.items():
        filled = filled.replace(usual, special)
    return filled


def model_path(preset: Preset, base_url: str) -> str:
    """The preset's path of a model, if the address does not name one already, as Azure's portal shows it."""
    before, here, _ = preset.model_path.partition(MODEL)
    return "" if here and re.search(re.escape(before) + r"[^/]+$", base_url) else preset.model_path
