"""The `generationConfig` of a request, both ways: limits, sampling, the answer's shape, thinking."""

from collections.abc import Mapping

from attrs import define, field

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import NOTE, extras_of
from ccproxy_cli.core.formats.gemini import spelling
from ccproxy_cli.core.formats.gemini.schema import from_openapi
from ccproxy_cli.core.formats.gemini.wire import KIT, NAME, GenerationConfig, ThinkingConfig
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.request import Output, OutputKind, Request, Sampling, Thinking, ThinkingMode

PATH = "generationConfig"
JSON_TYPE = "application/json"

SHOWN, HIDDEN = "summarized", "omitted"
"""How the vocabulary says whether thinking is shown."""
_MODALITIES = NOTE + "responseModalities"
_COUNT = NOTE + "candidateCount"
_LOGPROBS = NOTE + "logprobs"
MAX_INT = 2**53
"""What every JSON parser reads exactly. Nobody means more."""
_UNSPECIFIED = ("THINKING_LEVEL_UNSPECIFIED", "", 0)


@define
class Generation:
    """What a `generationConfig` says, in the vocabulary's words."""

    sampling: Sampling = field(factory=Sampling)
    max_tokens: int | None = None
    stop: tuple[str, ...] | None = None
    output: Output | None = None
    thinking: Thinking | None = None
    logprobs: int | None = None
    members: dict[str, JSON] = field(factory=dict)
    """What rides along, for the request's extras."""


def decode_generation(wire: GenerationConfig | None) -> Generation:
    """Read the configuration.

    Raises:
        BadRequest: naming the field.
    """
    if wire is None:
        return Generation()
    rest = dict(wire.extras)
    numbers: list[str] = []
    whole = {
        "topK": _whole(wire.top_k, "topK", numbers),
        "maxOutputTokens": _whole(wire.max_output_tokens, "maxOutputTokens", numbers),
        "seed": _whole(wire.seed, "seed", numbers),
        "candidateCount": _whole(wire.candidate_count, "candidateCount", numbers),
        "logprobs": _whole(wire.logprobs, "logprobs", numbers),
    }
    if whole["candidateCount"] not in (None, 1):
        path = f"{PATH}.candidateCount"
        raise BadRequest(f"{path}: this model's API gives one candidate per request", path)
    if whole["candidateCount"] is not None:
        rest[_COUNT] = wire.candidate_count
    result = Generation(
        sampling=Sampling(wire.temperature, wire.top_p, whole["topK"], wire.frequency_penalty, wire.presence_penalty, whole["seed"]),
        max_tokens=whole["maxOutputTokens"],
        stop=None if wire.stop_sequences is None else tuple(wire.stop_sequences),
        output=_decode_output(wire, rest),
        thinking=_decode_thinking(wire.thinking_config, rest),
        logprobs=(whole["logprobs"] or 0) if wire.response_logprobs else None,
    )
    if wire.response_logprobs is not None or wire.logprobs is not None:
        said = {"responseLogprobs": wire.response_logprobs, "logprobs": whole["logprobs"]}
        rest[_LOGPROBS] = {name: value for name, value in said.items() if value is not None}
    if numbers:
        rest[spelling.NUMBERS] = numbers
    if rest.get("responseModalities") == ["TEXT"]:  # the default, which most SDKs write out
        rest[_MODALITIES] = rest.pop("responseModalities")
    result.members = {**spelling.inner(PATH, rest), spelling.EMPTY + PATH: True}
    return result


def _whole(value: float | None, name: str, numbers: list[str]) -> int | None:
    if value is not None and not abs(value) <= MAX_INT:
        path = f"{PATH}.{name}"
        raise BadRequest(f"{path}: must be at most {MAX_INT}", path)
    if value is None or type(value) is int:
        return value
    if value != int(value):
        path = f"{PATH}.{name}"
        raise BadRequest(f"{path}: expected an integer, got {value}", path)
    numbers.append(name)
    return int(value)


def _decode_output(wire: GenerationConfig, rest: dict[str, JSON]) -> Output | None:
    """The answer's shape. What is no JSON, such as one word of a list, has no name in the vocabulary and rides along."""
    mime, older, newer = wire.response_mime_type, wire.response_schema, wire.response_json_schema
    for schema, name in ((older, "responseSchema"), (newer, "responseJsonSchema")):
        if schema is not None and not isinstance(schema, dict | bool):
            raise BadRequest(f"{PATH}.{name}: expected an object", f"{PATH}.{name}")
    schema = from_openapi(older) if newer is None else newer
    if mime == JSON_TYPE or (mime is None and schema is not None):
        members: dict[str, JSON] = {} if mime is not None else {spelling.NO_MIME: True}
        if older is not None:
            members[spelling.SCHEMA] = older
            if newer is not None:
                members[spelling.BOTH] = True
        kind = OutputKind.JSON_OBJECT if schema is None else OutputKind.JSON_SCHEMA
        return Output(kind, schema, extras=extras_of(NAME, members))
    if mime == "text/plain" and schema is None:
        return Output(OutputKind.TEXT)
    said = {"responseMimeType": mime, "responseSchema": older, "responseJsonSchema": newer}
    rest |= {name: value for name, value in said.items() if value is not None}
    return None


def _decode_thinking(wire: ThinkingConfig | None, rest: dict[str, JSON]) -> Thinking | None:
    """How much to think. A wish to see thoughts alone does not ask for any, and rides along."""
    if wire is None:
        return None
    numbers: list[str] = []
    budget = _whole(wire.thinking_budget, "thinkingConfig.thinkingBudget", numbers)
    level = None if wire.thinking_level in _UNSPECIFIED else wire.thinking_level
    if (budget is None and level is None) or type(level) is int:
        rest["thinkingConfig"] = KIT.write(wire)
        return None
    if budget is not None and budget < -1:
        path = f"{PATH}.thinkingConfig.thinkingBudget"
        raise BadRequest(f"{path}: must be -1, 0 or a number of tokens", path)
    members = dict(wire.extras)
    if wire.thinking_level is not None and (level is None or str(level).lower().upper() != level or level != str(level)):
        members[spelling.LEVEL] = wire.thinking_level
    if wire.include_thoughts is not None:
        members[spelling.INCLUDE] = wire.include_thoughts
    if numbers:
        members[spelling.NUMBERS] = ["thinkingBudget"]
    mode = None if budget is None else {0: ThinkingMode.DISABLED, -1: ThinkingMode.ADAPTIVE}.get(budget, ThinkingMode.BUDGET)
    shown = None if wire.include_thoughts is None or mode is ThinkingMode.DISABLED else SHOWN if wire.include_thoughts else HIDDEN
    return Thinking(
        mode,
        budget if mode is ThinkingMode.BUDGET else None,
        None if level is None else str(level).lower(),
        shown,
        extras_of(NAME, members),
    )


# Outward


def encode_generation(request: Request) -> dict[str, JSON] | None:
    """The `generationConfig` member, if there is anything to say in it."""
    notes = spelling.members_of(request.extras)
    rest = spelling.inner_members(request.extras, PATH)
    sampling = request.sampling
    plain: dict[str, JSON] = {
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
        "topK": sampling.top_k,
        "maxOutputTokens": request.max_tokens,
        "stopSequences": None if request.stop is None else list(request.stop),
        "candidateCount": rest.get(_COUNT),
        "presencePenalty": sampling.presence_penalty,
        "frequencyPenalty": sampling.frequency_penalty,
        "seed": sampling.seed,
        "responseModalities": rest.get(_MODALITIES),
        **_logprobs(request, rest),
    }
    config = {name: value for name, value in plain.items() if value is not None}
    _as_fractions(config, rest)
    config |= _encode_output(request.output)
    if request.thinking is not None:
        config["thinkingConfig"] = encode_thinking(request.thinking)
    config = spelling.complete(config, rest)
    return config if config or spelling.EMPTY + PATH in notes else None


def _logprobs(request: Request, notes: Mapping[str, JSON]) -> dict[str, JSON]:
    if _LOGPROBS in notes:
        return dict(notes[_LOGPROBS])
    return {} if request.logprobs is None else {"responseLogprobs": True, "logprobs": request.logprobs or None}


def _as_fractions(config: dict[str, JSON], notes: Mapping[str, JSON]) -> None:
    for name in notes.get(spelling.NUMBERS, ()):
        if type(config.get(name)) is int:
            config[name] = float(config[name])


def _encode_output(output: Output | None) -> dict[str, JSON]:
    if output is None:
        return {}
    if output.kind is OutputKind.TEXT:
        return {"responseMimeType": "text/plain"}
    notes = spelling.members_of(output.extras)
    written: dict[str, JSON] = {} if spelling.NO_MIME in notes else {"responseMimeType": JSON_TYPE}
    if spelling.SCHEMA in notes:
        written["responseSchema"] = notes[spelling.SCHEMA]
    if output.schema is not None and (spelling.SCHEMA not in notes or spelling.BOTH in notes):
        written["responseJsonSchema"] = output.schema
    return written


def encode_thinking(thinking: Thinking) -> dict[str, JSON]:
    """The `thinkingConfig` member."""
    notes = spelling.members_of(thinking.extras)
    written: dict[str, JSON] = {}
    match thinking.mode:
        case ThinkingMode.DISABLED:
            written["thinkingBudget"] = 0
        case ThinkingMode.ADAPTIVE:
            written["thinkingBudget"] = -1
        case ThinkingMode.BUDGET:
            written["thinkingBudget"] = thinking.budget
        case None:
            pass
    if spelling.LEVEL in notes:
        written["thinkingLevel"] = notes[spelling.LEVEL]
    elif thinking.effort is not None:
        written["thinkingLevel"] = thinking.effort.upper()
    if spelling.INCLUDE in notes:
        written["includeThoughts"] = notes[spelling.INCLUDE]
    elif thinking.display is not None:
        written["includeThoughts"] = thinking.display != HIDDEN
    _as_fractions(written, notes)
    return spelling.complete(written, notes)
