"""Writes configuration files: private, whole or not at all, and never over one that somebody wrote."""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path as FilePath

from ccproxy_cli.config.origin import ConfigError, Kind, Layer, Origin, Problem, tree_of


def to_toml(values: Layer, remarks: Iterable[str] = ()) -> str:
    """The values as a TOML file.

    Args:
        remarks: comments for its top, a line each.
    """
    import tomli_w

    comments = "".join(f"# {' '.join(remark.split())}\n" for remark in remarks)
    return comments + ("\n" if comments else "") + tomli_w.dumps(tree_of(values))


def write_private(path: FilePath, text: str, *, over: bool) -> None:
    """Write a file that only this user can read.

    Args:
        over: in place of one that is there.

    Raises:
        ConfigError: there is one already, or it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        if over:
            os.replace(draft, path)
        else:
            os.link(draft, path)
    except FileExistsError:
        raise ConfigError([Problem("is there already", Origin(Kind.FILE, str(path)), "Use --force to write over it.")]) from None
    except OSError as error:
        raise ConfigError([Problem(f"cannot be written: {error.strerror}", Origin(Kind.FILE, str(path)))]) from error
    finally:
        draft.unlink(missing_ok=True)
