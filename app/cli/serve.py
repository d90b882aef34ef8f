"""`coordinator serve`: the web process."""

import socket
from typing import Annotated

import typer

from app.cli.options import DataDir, Host, Port, ready_settings

Inherited = Annotated[
    int | None, typer.Option(hidden=True, help="A listening socket inherited from the parent.")
]


def serve(
    data_dir: DataDir = None, host: Host = None, port: Port = None, inherited: Inherited = None
) -> None:
    """Run one web process.

    It answers GraphQL over HTTP, WebSocket and SSE, SCIM, webhooks and health questions. The
    database must be migrated. Scale by running more of them behind a proxy.
    """
    settings = ready_settings(data_dir, host=host, port=port)

    from app.asgi import create_app
    from app.listening import listen, port_of
    from app.logs import configure_logs
    from app.web_server import answer

    configure_logs(as_json=settings.logs_json)
    listening = (
        listen(settings.host, settings.port)
        if inherited is None
        else socket.socket(fileno=inherited)
    )
    with listening:
        settings = settings.model_copy(update={"port": port_of(listening)})
        answer(create_app(settings), settings, listening)
