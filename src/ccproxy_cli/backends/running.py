"""Model servers that run on this machine: whoever listens at a preset's port and lists models as that server does.

A port alone proves nothing, since 8000 and 8080 are everybody's. The question carries the mark of our own calls, which a ccproxy refuses.
"""

import re
import socket
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from ccproxy_cli.backends.presets import Preset
from ccproxy_cli.config.detect import Running
from ccproxy_cli.config.secrets import is_loopback
from ccproxy_cli.core.http import HOP_HEADER

PATIENCE = 0.2
"""Seconds for all of them together. A closed port answers at once."""
_MOST = 256 * 1024
"""Bytes of a list that are looked at."""
_OWNER = re.compile(rb'"owned_by"\s*:\s*"([^"]*)"')
_LIST = re.compile(rb'"object"\s*:\s*"list"')


def running(presets: Iterable[Preset], patience: float = PATIENCE) -> list[Running]:
    """The servers that answer, in the order of their presets.

    Args:
        patience: seconds for all of them together.
    """
    local = [preset for preset in presets if preset.base_url and is_loopback(urlsplit(preset.base_url).hostname or "")]
    if not local:
        return []
    by = time.monotonic() + patience
    with ThreadPoolExecutor(len(local)) as pool:
        answers = list(pool.map(lambda preset: _is_running(preset, by), local))
    return [Running(preset.name, _place(preset)) for preset, there in zip(local, answers, strict=True) if there]


def _place(preset: Preset) -> str:
    return urlsplit(preset.base_url or "").netloc


def _is_running(preset: Preset, by: float) -> bool:
    try:
        answer = _ask(preset, by)
    except OSError:
        return False
    head, _, body = answer.partition(b"\r\n\r\n")
    if not re.match(rb"HTTP/1\.[01] 200\b", head) or not _LIST.search(body):
        return False
    return preset.known_by is None or preset.known_by.encode() in _OWNER.findall(body)


def _ask(preset: Preset, by: float) -> bytes:
    parts = urlsplit(preset.base_url or "")
    with socket.create_connection((parts.hostname, parts.port), _left(by)) as connection:
        ask = f"GET {parts.path}/models HTTP/1.0\r\nhost: {parts.netloc}\r\naccept: application/json\r\n{HOP_HEADER}: 1\r\n\r\n"
        connection.sendall(ask.encode())
        answer = b""
        while len(answer) < _MOST:
            connection.settimeout(_left(by))
            piece = connection.recv(65_536)
            if not piece:
                break
            answer += piece
    return answer


def _left(by: float) -> float:
    return max(by - time.monotonic(), 0.001)
