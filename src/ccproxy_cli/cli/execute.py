"""Runs a command to its end: its result is shown, its errors become exit codes, and nobody sees a traceback for a mistake of theirs."""

import os
import sys
from collections.abc import Callable
from typing import NoReturn

BROKEN_PIPE = 141
"""What a shell says of a program that was stopped by writing to a pipe nobody reads: 128 and SIGPIPE."""


def execute(command: str, body: "Callable[[], object]", *, as_json: bool = False) -> NoReturn:
    """Run `body` and exit.

    Args:
        body: returns a `Result` to be shown, or an exit code if it has shown everything itself.
    """
    from ccproxy_cli.cli.render import show
    from ccproxy_cli.cli.result import INTERRUPTED, USAGE, Failure, Result
    from ccproxy_cli.config.origin import ConfigError
    from ccproxy_cli.core.errors import BadRequest, BadUpstream, UpstreamError

    try:
        try:
            outcome = body()
        except ConfigError as error:
            failures = tuple(Failure("config", str(problem)) for problem in error.problems)
            outcome = Result(command, errors=failures, code=USAGE)
        except (BadRequest, BadUpstream, UpstreamError) as error:
            outcome = Result(command, errors=(Failure(error.error.kind.value[0], error.error.message),))
        if isinstance(outcome, Result):
            show(outcome, as_json=as_json)
            outcome = outcome.exit_code
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes once more on its way out
        sys.exit(BROKEN_PIPE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    sys.exit(outcome if isinstance(outcome, int) else 0)
