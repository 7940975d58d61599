"""`config import`: the file of another proxy, in this program's own words."""

import os
from pathlib import Path

from ccproxy_cli.cli.result import Failure, Result
from ccproxy_cli.config import files
from ccproxy_cli.config.load import load
from ccproxy_cli.config.writing import to_toml, write_private

STANDARD_OUTPUT = "-"


def run(file: str, *, output: str | None, force: bool) -> Result:
    """Write what `file` says to `output`, by default the user's own configuration file."""
    from ccproxy_cli.backends.presets import PRESETS

    source = Path(file).expanduser()
    config = files.read(source)
    if config.older is None:
        fix = "Its kinds are config.json of claude-code-router, and config.json and models.yaml of anthropic-proxy."
        return Result("config import", errors=(Failure("not_older", f"{source} is no file of another proxy that is known here", fix),))
    load(os.environ, source.parent, file=source, presets=PRESETS)  # whoever reads the new file would find the same mistakes
    left_out = [str(problem) for problem in config.left_out]
    text = to_toml(config.values, (f"From {source}, written for {config.older}.", *left_out))
    data = {"from": str(source), "kind": config.older, "left_out": left_out}
    if output == STANDARD_OUTPUT:
        return Result("config import", {**data, "toml": text}, (text.rstrip("\n"),), tuple(left_out))
    path = Path(output).expanduser() if output else files.user_folder(os.environ) / "config.toml"
    write_private(path, text, over=force)
    view = (f"wrote {path}", "See what it amounts to with: ccproxy config show")
    return Result("config import", {**data, "path": str(path)}, view, tuple(f"note: {line}" for line in left_out))
