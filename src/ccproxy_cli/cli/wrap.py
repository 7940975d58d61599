"""`wrap`: run a program with its AI traffic going through a server of its own."""

import contextlib
import os
import sys

from ccproxy_cli.cli.gather import default_model, gather, warn_of_redirects
from ccproxy_cli.cli.render import printable
from ccproxy_cli.cli.result import USAGE, Failure, Result


def run(program: tuple[str, ...], *, model: str | None, backend: str | None, print_env: str | None, config: str | None) -> Result | int:
    """Run the program and end as it ends; nothing is returned then."""
    if print_env is not None:
        return _print_environment(program, model, print_env, config)
    if not program:
        return Result("wrap", errors=(Failure("usage", "no program is named", "Write: ccproxy wrap -- PROGRAM"),), code=USAGE)

    if sys.platform == "win32":
        return Result("wrap", errors=(Failure("platform", "wrap needs the signals and terminals of a POSIX system", "Use it under WSL."),))

    from ccproxy_cli.launch.child import CannotStart, end_as
    from ccproxy_cli.launch.serve import run as run_loop
    from ccproxy_cli.launch.wrap import Wrapped, wrap

    loaded = gather(config)
    warn_of_redirects(loaded)
    try:
        return end_as(run_loop(wrap(Wrapped(program, model, backend), loaded.settings, dict(os.environ), default_model, say)))
    except CannotStart as error:
        say(error.message)
        return error.code


def say(line: str) -> None:
    """One line to the user, past every buffer: the terminal is shared with the program, and may be gone by now."""
    with contextlib.suppress(OSError):
        os.write(2, f"ccproxy: {printable(line)}\n".encode())


def _print_environment(program: tuple[str, ...], model: str | None, shell: str, config: str | None) -> Result | int:
    """What would be set for a program, or for any, to use the server that `serve` runs."""
    from ccproxy_cli.config.load import check_exposure
    from ccproxy_cli.config.secrets import PLACEHOLDER
    from ccproxy_cli.launch.filling import Told
    from ccproxy_cli.launch.programs import GENERIC, recipe_for
    from ccproxy_cli.launch.recipes import changes, left_to_do
    from ccproxy_cli.launch.shells import Shell, render_changes

    if shell not in list(Shell):
        known = ", ".join(Shell)
        return Result("wrap", errors=(Failure("usage", f"{shell} is no shell known here", f"Known are: {known}"),), code=USAGE)
    loaded = gather(config, look_for_servers=False)
    server = loaded.settings.server
    if server.port == 0:
        return Result("wrap", errors=(Failure("usage", "the server picks a new port each time", "Set server.port."),), code=USAGE)
    recipe = recipe_for(program[0]) if program else GENERIC
    token = check_exposure(loaded, os.environ)
    if token is None and loaded.settings.clients:
        fix = "Set server.token as well, or set the variables by hand."
        return Result("wrap", errors=(Failure("usage", "the server knows its clients by tokens of their own", fix),), code=USAGE)
    # Without a token any key will do, and programs insist on one.
    told = Told(_reachable(server.host, server.port), token or PLACEHOLDER, model)
    wanted = changes(recipe, told)
    sys.stdout.write(render_changes(wanted, Shell(shell)) + "\n")
    if line := left_to_do(recipe, told):
        say(line)
    return 0


def _reachable(host: str, port: int) -> str:
    """The URL of a server on this machine, wherever it listens."""
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
