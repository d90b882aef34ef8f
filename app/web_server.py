"""uvicorn, with the limits that the product promises."""

import socket
from typing import Any

import uvicorn

from app.settings import Settings

WEB_SOCKET_BYTES = 64 * 1024
_PING_SECONDS = 20.0
_KEEP_ALIVE_SECONDS = 5
_CONNECTIONS = 2_000


def answer(application: Any, settings: Settings, listening: socket.socket) -> None:
    """Answer on the socket until SIGTERM or SIGINT; then let what runs finish, and return.

    Not covered here: slow request heads. uvicorn has no time limit for them, so production puts
    a proxy in front (docker/).
    """
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=WEB_SOCKET_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=_PING_SECONDS,
        ws_ping_timeout=_PING_SECONDS,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=settings.is_production,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=25 if settings.is_production else 5,
    )
    uvicorn.Server(config).run(sockets=[listening])
