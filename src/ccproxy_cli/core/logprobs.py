"""How likely each token of an answer was, and which others were."""

from collections.abc import Sequence

from attrs import frozen


@frozen
class Likely:
    """A token that might have been."""

    token: str
    logprob: float
    """Natural logarithm of its probability."""


@frozen
class TokenLogprob:
    """A token that is in the answer."""

    token: str
    logprob: float
    top: tuple[Likely, ...] = ()
    """The likeliest at its place, the best first."""


def allot(tokens: Sequence[TokenLogprob], texts: Sequence[str]) -> list[list[TokenLogprob]]:
    """Each text's own tokens. What is left over, as of tokens that no text shows, goes with the last."""
    found: list[list[TokenLogprob]] = [[] for _ in texts]
    rest = list(tokens)
    for number, text in enumerate(texts):
        length = 0
        while rest and length < len(text):
            length += len(rest[0].token)
            found[number].append(rest.pop(0))
    if found:
        found[-1] += rest
    return found
