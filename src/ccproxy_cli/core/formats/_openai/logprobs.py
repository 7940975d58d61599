"""Log probabilities of tokens, as both formats tell them."""

from collections.abc import Sequence

from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.logprobs import Likely, TokenLogprob


def read_logprobs(raw: JSON) -> tuple[TokenLogprob, ...]:
    """The tokens of a list, without those that are malformed."""
    found: list[TokenLogprob] = []
    for each in raw if isinstance(raw, list) else ():
        match each:
            case {"token": str() as token, "logprob": int() | float() as logprob}:
                found.append(TokenLogprob(token, logprob, _read_top(each.get("top_logprobs"))))
            case _:
                pass
    return tuple(found)


def _read_top(raw: JSON) -> tuple[Likely, ...]:
    return tuple(Likely(each.token, each.logprob) for each in read_logprobs(raw))


def write_logprobs(tokens: Sequence[TokenLogprob]) -> list[JSON]:
    """The list of tokens."""
    return [{**_told(each), "top_logprobs": [_told(other) for other in each.top]} for each in tokens]


def _told(likely: Likely | TokenLogprob) -> dict[str, JSON]:
    return {"token": likely.token, "logprob": likely.logprob, "bytes": list(likely.token.encode("utf-8", "surrogatepass"))}
