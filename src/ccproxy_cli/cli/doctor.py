"""`doctor`: what is in place, what is not, and how to put it right."""

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ccproxy_cli.cli.gather import gather
from ccproxy_cli.cli.result import FAILURE, Cell, Result, Tone, View

if TYPE_CHECKING:
    from ccproxy_cli.config.load import Loaded
    from ccproxy_cli.config.origin import ConfigError
    from ccproxy_cli.doctor.finding import Finding

_TONES: dict[str, Tone] = {"ok": "good", "warn": "warning", "fail": "bad", "skip": "dim"}


def run(*, fix: bool, config: str | None) -> Result:
    """Check everything; exit code 1 if anything that was asked for cannot work."""
    from ccproxy_cli.doctor.examine import examine, examine_files, repair

    named = Path(config).expanduser() if config else None
    found = examine_files(os.environ, Path.cwd(), named)
    if fix:
        found = [repair(finding) for finding in found]
    found += asyncio.run(examine(_load(config), os.environ, Path.home(), _program()))
    failed = any(finding.status == "fail" for finding in found)
    data = {"findings": [_plain(finding) for finding in found]}
    view = [piece for finding in found for piece in _lines(finding)]
    return Result("doctor", data, view, code=FAILURE if failed else 0)


def _program() -> Path:
    """What was started; of a module, the script that installers put beside the interpreter."""
    started = Path(sys.argv[0]).absolute()
    return Path(sys.executable).with_name("ccproxy") if started.suffix == ".py" else started


def _load(config: str | None) -> "Loaded | ConfigError":
    from ccproxy_cli.config.origin import ConfigError

    try:
        return gather(config)
    except ConfigError as error:
        return error


def _plain(finding: "Finding") -> dict[str, object]:
    return {
        "check": finding.check,
        "status": finding.status.value,
        "title": finding.title,
        "detail": finding.detail,
        "fix": finding.fix,
        "facts": dict(finding.facts),
        "fixable": finding.repair is not None,
    }


def _lines(finding: "Finding") -> list[View]:
    lines: list[View] = [Cell(f"{finding.status.value:<4}  {finding.title}", _TONES[finding.status.value])]
    if finding.detail:
        lines.append(Cell(f"      {finding.detail}", "dim"))
    if finding.fix:
        lines.append(f"      fix: {finding.fix}")
    return lines
