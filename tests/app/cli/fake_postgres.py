"""A server that greets like PostgreSQL of any version, and a server that is none."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SSL_REQUEST = 80877103


@contextmanager
def answering(reply: bytes, *, to_ssl: bytes = b"N") -> Iterator[int]:
    """The port of a server that says `to_ssl` to a request for SSL and `reply` to the start."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=_serve, args=(listening, reply, to_ssl), daemon=True)
        serving.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        serving.join(5)


def greeting_of(version: str) -> bytes:
    """Let in without a password, say the version, be ready."""
    setting = b"server_version\0" + version.encode() + b"\0"
    return (
        struct.pack("!cII", b"R", 8, 0)
        + struct.pack("!cI", b"S", 4 + len(setting))
        + setting
        + struct.pack("!cIc", b"Z", 5, b"I")
    )


def _serve(listening: socket.socket, reply: bytes, to_ssl: bytes) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        # A client that has read enough hangs up as it likes.
        with client, contextlib.suppress(OSError):
            while message := client.recv(4096):
                asks_for_ssl = len(message) == 8 and message[4:] == struct.pack("!I", _SSL_REQUEST)
                client.sendall(to_ssl if asks_for_ssl else reply)
