"""What is settled when a process starts and cannot be changed afterwards. Everything else about a request is bound late."""

import os
from collections.abc import Mapping
from types import MappingProxyType

from attrs import field, frozen


@frozen
class Stamp:
    """Which file a program is. Changes when the program is replaced on disk, whatever it is replaced with."""

    device: int
    inode: int
    size: int
    changed: int
    """Nanoseconds."""

    @staticmethod
    def of(path: str) -> "Stamp | None":
        """Of the file that `path` leads to, through links; None if it cannot be seen."""
        try:
            found = os.stat(path)
        except OSError:
            return None
        return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


@frozen
class Recipe:
    """A process made by one recipe can serve every request that asks for the same one.

    The model is part of it: set later, it would leave words of the CLI's own in the conversation (2.1.197).
    """

    model: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(factory=lambda: MappingProxyType({}), repr=False)
    program: Stamp | None = None
