"""Reads in a vendor's refusal which members of the request it does not take.

Only what is said of a member as such counts: a value out of range is its sender's mistake, and stays refused.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ccproxy_cli.core.efforts import EFFORTS
from ccproxy_cli.core.errors import APIError
from ccproxy_cli.core.facts import Facts, merged

_LIST = r"([`'\"]?[\w.\[\]]+[`'\"]?(?:, ?[`'\"]?[\w.\[\]]+[`'\"]?)*)"
_NAME = r"[`'\"]?([A-Za-z_][\w.\[\]]*)[`'\"]?"
_WORDINGS = tuple(
    re.compile(wording)
    for wording in (
        rf"[Uu]nsupported (?:parameter|value|argument|field)s?:? {_NAME}",  # OpenAI, xAI, Codex, recorded 2026-09
        rf"[Uu]n(?:recognized request argument|known (?:parameter|field|name))s?(?: supplied)?:? {_LIST}",  # OpenAI, Google
        rf"{_NAME}: Extra inputs are not permitted",  # Anthropic, in public issues until 2026
        rf"property {_NAME} is unsupported",  # Groq, in public issues, 2025
        r"[`'\"]([\w.\[\]]+)[`'\"] (?:parameter )?is (?:not supported|unsupported|deprecated|not available)",  # Anthropic, Groq, 2026
        rf"does(?: not|n't) (?:currently )?support (?:the )?(?:parameter |argument )?{_NAME}",  # xAI, Ollama, Anthropic, 2025 and 2026
        rf"[Aa]rgument not supported on this model: {_NAME}",  # xAI, in public issues, 2025
        rf"{_NAME} (?:is|are) not (?:supported|enabled|available) (?:by|for|in|on|with) (?:this|the) ",  # all, 2026
        r"[`'\"](?:temperature)[`'\"] and [`'\"](top_p)[`'\"] cannot both be specified",  # Anthropic, in public issues, 2025
    )
)
_FORBIDDEN = re.compile(r"[\"']extra_forbidden[\"'],\s*[\"']loc[\"']:\s*[\[(]([^\])]*)[\])]")
"""Mistral, vLLM and other servers made with pydantic, in public issues until 2026: the path is a list."""
_SAID = re.compile(r"not supported|[Uu]nsupported|not permitted|[Uu]nrecognized|[Uu]nknown")
_LEVELS = re.compile(r"[Ss]upported (?:levels|values)(?: are)?:? ([\w'\"`, ]+)")
"""OpenAI of `reasoning_effort`, Anthropic of `effort`, recorded 2026-09."""
_NUMBER = re.compile(r"\.\d+(?=\.|$)")
_INDEX = re.compile(r"\[\d+\]")


def unwelcome_members(error: APIError) -> frozenset[str]:
    """The members that the error says are not taken, `[]` for the indexes in their paths, without underscores and in lower case, because
    vendors mix the spellings. Empty if the error is about anything else."""
    if not _is_refusal(error):
        return frozenset()
    return frozenset(map(plain_path, _named(error)))


def _is_refusal(error: APIError) -> bool:
    return error.http_status in (400, 422)


def _named(error: APIError) -> Iterator[str]:
    for wording in _WORDINGS:
        for match in wording.finditer(error.message):
            yield from (name.strip(" .`'\"") for name in match[1].split(","))
    for match in _FORBIDDEN.finditer(error.message):
        steps = [step.strip(" \"'") for step in match[1].split(",")]
        yield ".".join(steps[1:] if steps[0] == "body" else steps)
    if error.param is not None and ((error.code or "").startswith("unsupported") or _SAID.search(error.message)):
        yield error.param


def plain_path(name: str) -> str:
    """A path in the spelling that all vendors' paths are brought to."""
    return _INDEX.sub("[]", _NUMBER.sub("[]", name)).replace("_", "").lower()


def facts_in(error: APIError, known: Mapping[str, Facts]) -> dict[str, Any]:
    """What an error says of its target: how much it can be told to think, if that is what it names, else what its members tell.

    Args:
        known: by the members' plain paths; see `unwelcome_members`.
    """
    if levels := _levels_in(error):
        return {"efforts": levels}
    facts: dict[str, Any] = {}
    for name in sorted(unwelcome_members(error) & known.keys()):
        facts = merged(facts, known[name])
    return facts


def without(*paths: str) -> dict[str, Facts]:
    """Rows for members that can just be left out, by their paths as in `Profile.without`."""
    return {plain_path(path): {"without": frozenset({path})} for path in paths}


def _levels_in(error: APIError) -> frozenset[str]:
    """The words for how much to think that the error names as the right ones. Other members take some of the same words."""
    if not _is_refusal(error) or "effort" not in f"{error.param} {error.message}":
        return frozenset()
    match = _LEVELS.search(error.message)
    return frozenset(EFFORTS) & frozenset(re.findall(r"\w+", match[1])) if match else frozenset()
