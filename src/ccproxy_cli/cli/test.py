"""`test`: the battery against each backend, or, offline, each client format against the embedded model."""

import asyncio
from collections.abc import Sequence
from typing import Any

from attrs import asdict, frozen

from ccproxy_cli.cli.gather import default_model, gather, only_provider, warn_of_redirects
from ccproxy_cli.cli.result import Cell, Failure, Result, Table, Tone, View
from ccproxy_cli.config.detect import ECHO
from ccproxy_cli.config.origin import ConfigError
from ccproxy_cli.config.settings import ProviderSettings, Settings
from ccproxy_cli.doctor.battery import Neutral, Outcome, Verdict, client_of, run_battery


@frozen
class Options:
    """What the command line says."""

    provider: str | None = None
    model: str | None = None
    offline: bool = False
    explain: bool = False
    config: str | None = None


@frozen
class Report:
    """What one backend, or one client format, achieved."""

    subject: str
    model: str
    outcomes: tuple[Outcome, ...]


_MARKS: dict[Verdict, tuple[str, Tone]] = {
    Verdict.PASSED: ("ok", "good"),
    Verdict.FAILED: ("FAILED", "bad"),
    Verdict.UNSUPPORTED: ("not supported", "warning"),
    Verdict.SKIPPED: ("not tried", "dim"),
}
_COUNTED = {Verdict.PASSED: "passed", Verdict.FAILED: "failed", Verdict.UNSUPPORTED: "not supported", Verdict.SKIPPED: "not tried"}


def run(options: Options) -> Result:
    """Run the battery."""
    if options.offline:
        reports = asyncio.run(_offline())
    else:
        loaded = gather(options.config)
        warn_of_redirects(loaded)
        settings = only_provider(loaded.settings, options.provider)
        reports = asyncio.run(_online(settings, options.model))
    return _result(reports, options.explain)


async def _offline() -> Sequence[Report]:
    from ccproxy_cli.core.formats import FORMATS
    from ccproxy_cli.wiring import build_pipeline

    pipeline = build_pipeline(Settings(providers={ECHO: ProviderSettings(ECHO)}))
    try:
        return [Report(f"{name} client", ECHO, tuple(await run_battery(client_of(pipeline, wire), ECHO))) for name, wire in FORMATS.items()]
    finally:
        await pipeline.aclose()


async def _online(settings: Settings, model: str | None) -> Sequence[Report]:
    from ccproxy_cli.wiring import build_pipeline

    pipeline = build_pipeline(settings)

    async def one(name: str) -> Report:
        asked = model or await default_model(only_provider(settings, name))
        outcomes = await run_battery(Neutral(pipeline), asked)
        return Report(name, asked, tuple(outcomes))

    async def attempt(name: str) -> Report:
        try:
            return await one(name)
        except ConfigError as error:
            return Report(name, "-", (Outcome("plain", Verdict.FAILED, 0.0, detail=str(error)),))

    try:
        names = list(settings.providers)
        if model is not None:
            names = [pipeline.routes.resolve(model).target.provider]
        return await asyncio.gather(*(attempt(name) for name in names))
    finally:
        await pipeline.aclose()


def _result(reports: Sequence[Report], explain: bool) -> Result:
    rows: list[tuple[str | Cell, ...]] = []
    errors: list[Failure] = []
    for report in reports:
        for index, outcome in enumerate(report.outcomes):
            mark, tone = _MARKS[outcome.verdict]
            subject = f"{report.subject} ({report.model})" if index == 0 and report.model not in (report.subject, "-") else report.subject
            name = Cell(subject, "strong") if index == 0 else Cell("")
            spent = None if outcome.verdict is Verdict.SKIPPED else outcome.seconds
            rows.append((name, outcome.case, Cell(mark, tone), _seconds(outcome.first), _seconds(spent), Cell(outcome.detail, "dim")))
            if outcome.verdict is Verdict.FAILED:
                errors.append(Failure("case_failed", f"{report.subject}: {outcome.case}: {outcome.detail}"))
    view: list[View] = [Table(("BACKEND", "CASE", "RESULT", "FIRST", "TOTAL", ""), tuple(rows))]
    if explain:
        view.extend(_explanations(reports))
    verdicts = [outcome.verdict for report in reports for outcome in report.outcomes]
    counts = [f"{verdicts.count(verdict)} {word}" for verdict, word in _COUNTED.items() if verdict in verdicts]
    view.append(Cell(", ".join(counts), "bad" if errors else "good"))
    return Result("test", {"reports": [_data(report) for report in reports]}, tuple(view), errors=tuple(errors), told=True)


def _explanations(reports: Sequence[Report]) -> Sequence[View]:
    rows = tuple((report.subject, outcome.case, loss) for report in reports for outcome in report.outcomes for loss in outcome.losses)
    return (Table(("BACKEND", "CASE", "NOT CARRIED OVER"), rows),) if rows else ("Everything was carried over.",)


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.0f} ms"


def _data(report: Report) -> dict[str, Any]:
    return {
        "subject": report.subject,
        "model": report.model,
        "cases": [asdict(outcome, filter=lambda field, _: field.name != "is_hopeless") for outcome in report.outcomes],
    }
