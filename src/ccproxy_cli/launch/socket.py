"""The listening socket: bound by ourselves before anything else starts, so that a taken port is one clear line."""

import errno
import socket


class CannotListen(Exception):
    """The address cannot be listened on; the message is one line for the user, with what to do."""


def bind(host: str, port: int) -> socket.socket:
    """A socket listening on `host` and `port`; 0 picks a free one.

    Raises:
        CannotListen
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise CannotListen(_explain(error, host, port)) from error
    except OverflowError as error:
        listener.close()
        raise CannotListen(f"port {port} is not between 0 and 65535") from error
    listener.setblocking(False)
    return listener


def _explain(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {port} is in use: stop the program that listens there, or choose another with --port"
        case errno.EACCES:
            return f"port {port} needs administrator rights: choose one above 1023 with --port"
        case errno.EADDRNOTAVAIL:
            return f"{host} is not an address of this machine"
        case _:
            return f"cannot listen on {host}:{port}: {error.strerror or error}"


def url_of(listener: socket.socket) -> str:
    """The URL under which a program on this machine reaches the socket."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
