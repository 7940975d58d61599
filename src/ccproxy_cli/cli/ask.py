"""`ask`: one question, one answer, no server."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ccproxy_cli.cli.asking import gather_parts, piped_input, read_schema, usage_error
from ccproxy_cli.cli.conversation import conversation_of, load, save
from ccproxy_cli.cli.gather import default_model, gather, warn_of_redirects
from ccproxy_cli.cli.render import console, printable
from ccproxy_cli.cli.result import Failure, Result
from ccproxy_cli.cli.template import read_params, read_template
from ccproxy_cli.cli.waiting import Waiting
from ccproxy_cli.config.settings import ModelRule, Settings
from ccproxy_cli.core.events import Event, PartStart, TextDelta
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.parts import Reasoning, Refusal, Text
from ccproxy_cli.core.request import Message, Output, OutputKind, Request, Role
from ccproxy_cli.core.response import FinishReason, Response, Usage
from ccproxy_cli.core.stream import Fold
from ccproxy_cli.stores.place import state_folder

if TYPE_CHECKING:
    from ccproxy_cli.cli.markdown import LiveMarkdown
    from ccproxy_cli.pipeline.route import Target


@frozen
class Options:
    """What the command line says."""

    prompt: str
    model: str | None = None
    system: str | None = None
    template: Path | None = None
    params: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    attachments: tuple[str, ...] = ()
    schema: str | None = None
    max_tokens: int | None = None
    stream: bool = True
    usage: bool = False
    continued: bool = False
    save: bool = True
    config: str | None = None


@frozen
class Asked:
    """A complete answer."""

    model: str
    response: Response
    losses: Losses
    seconds: float


Show = Callable[[str], None]
_ENDINGS = {
    FinishReason.LENGTH: "the answer was cut off at the token limit",
    FinishReason.CONTEXT_FULL: "the answer was cut off: the model's context window is full",
    FinishReason.PAUSE: "the model paused before it was done",
}
_FAILURES = {FinishReason.REFUSAL: "the model declined to answer", FinishReason.FILTERED: "a filter cut the answer off"}


def run(options: Options, *, as_json: bool) -> Result:
    """Ask, show the answer as it comes, and say how it ended."""
    options, request = _request(options)
    loaded = gather(options.config, look_for_servers=options.model not in ("echo", "echo/echo"))
    warn_of_redirects(loaded)
    with Waiting(shown=not as_json) as waiting, _display(options, as_json) as show:
        asked = asyncio.run(_ask(request, loaded.settings, waiting, show))
    trouble = save(state_folder(os.environ), conversation_of(asked.model, request, asked.response)) if options.save else None
    return _result(asked, options, as_json, (f"note: {trouble}",) if trouble else ())


def _request(options: Options) -> tuple[Options, Request]:
    """The request, and the options with what a template adds to them; the command line comes first."""
    text = "\n\n".join(filter(None, (piped_input().rstrip("\n"), options.prompt)))
    if options.template is not None:
        template = read_template(options.template).filled(text, read_params(options.params))
        text = template.prompt
        options = evolve(
            options,
            model=options.model or template.model,
            system=options.system or template.system,
            schema=template.schema if options.schema is None else options.schema,
            max_tokens=options.max_tokens or template.max_tokens,
        )
    elif options.params:
        raise usage_error("values are for the places of a template, and there is no --template", "--param")
    parts = gather_parts(text, options.files, options.attachments)
    output = None
    if options.schema is not None:
        output = Output(OutputKind.JSON_SCHEMA, read_schema(options.schema), name="answer")
    request = Request(
        model=options.model or "",
        messages=(Message(Role.USER, parts),),
        instructions=(Text(options.system),) if options.system else (),
        max_tokens=options.max_tokens,
        output=output,
        stream=options.stream,
        stream_usage=True,
    )
    if options.continued:
        request = load(state_folder(os.environ)).continued_by(request)
    return options, request


async def _ask(request: Request, settings: Settings, waiting: Waiting, show: Show) -> Asked:
    from ccproxy_cli.pipeline.facts import facts_of
    from ccproxy_cli.wiring import build_pipeline, route_table

    started = time.monotonic()
    request = evolve(request, model=request.model or await default_model(settings))
    targets = route_table(settings).resolve(request.model, facts_of(request) if settings.rules else None).targets
    pipeline = build_pipeline(_only(settings, request.model, targets))
    try:
        waiting.say(f"waiting for {targets[0]}")
        accepted = await pipeline.ask(request)
        folding = Fold()
        spoken: set[int] = set()
        try:
            async for batch in accepted.stream:
                for event in batch:
                    folding.feed(event)
                    if isinstance(event, PartStart) and isinstance(event.part, Reasoning):
                        waiting.say(f"{accepted.target} is thinking")
                if text := "".join(_words(batch, spoken)):
                    waiting.stop()
                    show(text)
        finally:
            await accepted.stream.aclose()
        return Asked(str(accepted.target), folding.response, accepted.losses, time.monotonic() - started)
    finally:
        await pipeline.aclose()


def _only(settings: Settings, model: str, targets: "Sequence[Target]") -> Settings:
    """The settings as far as one question needs them: others' backends would take their time to load."""
    providers = {target.provider: settings.providers[target.provider] for target in targets}
    return evolve(settings, providers=providers, rules=(), models=(ModelRule(model, tuple(map(str, targets))),))


def _words(batch: list[Event], spoken: set[int]) -> Iterator[str]:
    """The visible text in a batch; `spoken` gathers the parts that are words to the user, and neither thoughts nor calls."""
    for event in batch:
        match event:
            case PartStart(index, Text(text) | Refusal(text)):
                spoken.add(index)
                yield text
            case TextDelta(index, text) if index in spoken:
                yield text
            case _:
                pass


def _display(options: Options, as_json: bool) -> AbstractContextManager[Show]:
    if as_json:
        return nullcontext(lambda _: None)
    if sys.stdout.isatty() and options.schema is None:
        return _Rendered()
    return _Plain(options.stream)


class _Rendered(AbstractContextManager[Show]):
    """Markdown on a terminal."""

    def __enter__(self) -> Show:
        self._markdown: LiveMarkdown | None = None
        return self._show

    def _show(self, text: str) -> None:
        if self._markdown is None:  # until now the screen was the spinner's
            from ccproxy_cli.cli.markdown import LiveMarkdown

            self._markdown = LiveMarkdown(console(sys.stdout))
            self._markdown.__enter__()
        self._markdown.feed(printable(text.replace("\r\n", "\n")))

    def __exit__(self, *exc: object) -> None:
        if self._markdown is not None:
            self._markdown.__exit__(*exc)


class _Plain(AbstractContextManager[Show]):
    """The model's own words, ending in a newline."""

    def __init__(self, stream: bool) -> None:
        self._stream = stream
        self._last = ""
        self._is_terminal = sys.stdout.isatty()

    def __enter__(self) -> Show:
        return self._show

    def _show(self, text: str) -> None:
        self._last = text[-1]
        sys.stdout.write(printable(text) if self._is_terminal else text)
        if self._stream:
            sys.stdout.flush()

    def __exit__(self, *_: object) -> None:
        if self._last not in ("", "\n"):
            sys.stdout.write("\n")


def _result(asked: Asked, options: Options, as_json: bool, notes: tuple[str, ...]) -> Result:
    response = asked.response
    finish = response.finish.reason
    messages = [*(f"note: {loss.field}: {loss.why}" for loss in asked.losses), *notes]
    if finish in _ENDINGS:
        messages.append(f"note: {_ENDINGS[finish]}")
    if options.usage and not as_json:
        messages.append(_usage_line(asked))
    errors = (Failure(finish.value, _FAILURES[finish]),) if finish in _FAILURES else ()
    return Result("ask", _data(asked), messages=tuple(messages), errors=errors)


def _usage_line(asked: Asked) -> str:
    usage = asked.response.usage
    cached = f" ({usage.cache_read} cached)" if usage.cache_read else ""
    reasoning = f" ({usage.reasoning} reasoning)" if usage.reasoning else ""
    spent = f"{usage.total_input} in{cached}, {usage.output if usage.output is not None else '?'} out{reasoning}"
    return f"tokens: {spent}; {asked.model}; {asked.seconds:.1f} s"


def _data(asked: Asked) -> dict[str, Any]:
    response = asked.response
    return {
        "text": "".join(part.text for part in response.parts if isinstance(part, Text | Refusal)),
        "model": asked.model,
        "answered_by": response.model,
        "finish": response.finish.reason.value,
        "usage": _usage(response.usage),
        "losses": [{"field": loss.field, "why": loss.why} for loss in asked.losses],
        "seconds": round(asked.seconds, 3),
    }


def _usage(usage: Usage) -> dict[str, int | None]:
    return {
        "input": usage.input,
        "cache_read": usage.cache_read,
        "cache_write": usage.cache_write,
        "output": usage.output,
        "reasoning": usage.reasoning,
    }
