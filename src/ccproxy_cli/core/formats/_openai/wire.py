"""The objects that stand on the wire alike in both formats."""

import attrs

from ccproxy_cli.core.formats._wirekit import Kit, Wire

KIT = Kit()


@attrs.define(kw_only=True)
class WireRefusal(Wire):
    TAGS = ("refusal",)
    refusal: str


@attrs.define(kw_only=True)
class WireModel(Wire):
    id: str
    object: str | None = None
    created: int | float | None = None
    owned_by: str | None = None


@attrs.define(kw_only=True)
class WireModelList(Wire):
    object: str | None = None
    data: list[WireModel]
