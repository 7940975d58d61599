"""Proofs that their vendor has refused: it is not shown them again.

A conversation that moved to another account, or whose beginning was changed, holds proofs that are worth nothing any more, and its client
replays them with every request. Each such request would be refused first. What the vendor gives from then on is as good as ever.
"""

from collections.abc import Callable, Mapping

from attrs import frozen

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.ids import digest_id
from ccproxy_cli.core.parts import Reasoning, Text, ToolCall
from ccproxy_cli.core.request import Request, Role
from ccproxy_cli.pipeline.recent import Recent
from ccproxy_cli.pipeline.refusals import ProofRefusal, without_refused

_TAIL = 48
"""Characters of a proof's end by which it is found in a body. Beginnings are alike."""
_LOOKED_FOR = 4
"""The newest refused proofs stand for all: whoever replays any replays these."""
_OVERHEAD = 150


@frozen
class _Refused:
    refusal: ProofRefusal
    digests: frozenset[str]
    tails: tuple[bytes, ...]


class StaleProofs:
    """What was refused of late, by client and provider."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """See `Recent`."""
        self._recent = Recent[_Refused](clock, _size, max_entries=2_000, max_bytes=4 * 2**20, lifetime=8 * 3600)

    def __len__(self) -> int:
        """Of how many clients and providers anything is known."""
        return len(self._recent)

    def note(self, owner: str, provider: str, request: Request, refusal: ProofRefusal) -> None:
        """A request was refused as it was, and taken without its reasoning."""
        if refusal.missing:
            return
        payloads = [
            proof.payload
            for message in request.messages
            if message.role is Role.ASSISTANT
            for part in message.parts
            if isinstance(part, Reasoning | Text | ToolCall)
            for proof in part.proofs
            if proof.issuer == refusal.issuer
        ]
        if payloads:
            before = self._recent.get(_key(owner, provider))
            tails = [payload[-_TAIL:].encode("utf-8", "surrogatepass") for payload in reversed(payloads)]
            digests = frozenset(map(digest_id, payloads))
            if before is not None and before.refusal.issuer == refusal.issuer:
                digests, tails = digests | before.digests, [*tails, *before.tails]
            self._recent.put(_key(owner, provider), _Refused(refusal, digests, tuple(tails[:_LOOKED_FOR])))

    def among(self, owner: str, provider: str, members: Mapping[str, bytes]) -> bool:
        """Whether a client's bytes hold what that provider has refused."""
        refused = self._recent.get(_key(owner, provider))
        return refused is not None and any(tail in value for name, value in members.items() if name != "tools" for tail in refused.tails)

    def left_out(self, owner: str, provider: str, request: Request, losses: Losses) -> Request:
        """The request without what that provider has refused."""
        refused = self._recent.get(_key(owner, provider))
        if refused is None:
            return request
        return without_refused(request, refused.refusal, losses, lambda payload: digest_id(payload) in refused.digests) or request


def _key(owner: str, provider: str) -> str:
    return f"{owner}/{provider}"


def _size(refused: _Refused) -> int:
    return _OVERHEAD * (1 + len(refused.digests))
