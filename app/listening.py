"""The socket the web process listens on, taken before anything else is started."""

import socket
from errno import EACCES, EADDRINUSE

from app.embedded import CannotStart

_BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """A listening socket that child processes may inherit; port 0 takes a free one.

    Raises CannotStart when the address is taken, not allowed or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        taken = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as refusal:
        raise CannotStart(_sentence(host, port, refusal)) from None
    # Inherited by every accepted connection: an answer never waits for the peer's delayed ACK.
    taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    taken.set_inheritable(True)
    return taken


def port_of(listening: socket.socket) -> int:
    """The port a socket listens on."""
    port: int = listening.getsockname()[1]
    return port


def _sentence(host: str, port: int, refusal: OSError) -> str:
    way_out = "choose another with --port (0 takes a free one) or COORDINATOR_PORT."
    if refusal.errno == EADDRINUSE:
        return f"Port {port} on {host} is already in use; {way_out}"
    if refusal.errno == EACCES:
        return f"Port {port} on {host} may not be used by this account; {way_out}"
    return (
        f"This machine cannot listen on {host} ({refusal.strerror}); "
        "choose another address with --host or COORDINATOR_HOST."
    )
