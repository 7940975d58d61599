"""Who listens on a port, read from /proc: Linux tells without any tool, elsewhere only that somebody does can be found out."""

import contextlib
import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

PROC = Path("/proc")
_LISTEN = "0A"
"""State of a listening socket in /proc/net/tcp (Linux, proc_pid_net(5))."""
_KNOCK_SECONDS = 0.3


@frozen
class Listener:
    """A program that holds a port."""

    pid: int | None = None
    """None if the system does not say: another user's program, or no Linux."""
    command: tuple[str, ...] = ()

    @property
    def is_ours(self) -> bool:
        """Whether it looks like a `ccproxy serve`."""
        words = [os.path.basename(word) for word in self.command[:4]]
        return any(word in ("ccproxy", "ccproxy-cli", "ccproxy_cli") for word in words)

    def __str__(self) -> str:
        if self.pid is None:
            return "a program of another user"
        return f"{os.path.basename(self.command[0]) if self.command else 'a program'} (pid {self.pid})"


def listener_on(host: str, port: int, proc: Path = PROC) -> Listener | None:
    """Who would answer, or stand in the way, at an address of this machine; None if nobody does.

    Args:
        host: an address or name of this machine.
        proc: the process file system.
    """
    if not (proc / "net" / "tcp").exists():
        return Listener() if _answers(host, port) else None
    inodes = {inode for address, inode in _listening(proc, port) if _same_place(address, host)}
    return _owner(proc, inodes) if inodes else None


def _listening(proc: Path, port: int) -> Iterator[tuple[str, str]]:
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (proc / "net" / table).read_text().splitlines()[1:]:
                words = line.split()
                address, _, number = words[1].rpartition(":")
                if words[3] == _LISTEN and int(number, 16) == port:
                    yield _readable(address), words[9]


def _readable(address: str) -> str:
    """An address as /proc writes it: 32-bit words in the machine's own byte order."""
    words = [int(address[start : start + 8], 16).to_bytes(4, sys.byteorder) for start in range(0, len(address), 8)]
    return str(ipaddress.ip_address(b"".join(words)))


def _same_place(address: str, host: str) -> bool:
    """Whether a socket bound to `address` keeps `host` from being bound, or answers there."""
    bound = ipaddress.ip_address(address)
    if isinstance(bound, ipaddress.IPv6Address) and bound.ipv4_mapped:
        bound = bound.ipv4_mapped
    try:
        wanted = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    except ValueError:
        return True
    return bound == wanted or bound.is_unspecified or wanted.is_unspecified


def _owner(proc: Path, inodes: set[str]) -> Listener:
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for folder in proc.iterdir():
        if folder.name.isdigit() and _holds(folder, wanted):
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
                return Listener(int(folder.name), tuple(word for word in words if word))
    return Listener()


def _holds(process: Path, wanted: set[str]) -> bool:
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:
        return False
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            if os.readlink(descriptor) in wanted:
                return True
    return False


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), _KNOCK_SECONDS):
            return True
    except OSError:
        return False
