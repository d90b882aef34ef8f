"""What an installation may switch; the numbers are in `limits`."""

from dataclasses import dataclass

from app.graphql.limits import Limits


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """Defaults suit development; production turns `introspection` and `explorer` off.

    `get_queries`: queries and SSE subscriptions by GET (mutations never are).
    `trusted_only`: answer documents of the store and no others.
    `register_documents`: let clients add documents to the store (automatic persisted queries).
    `allowed_origins`: pages of other origins that may open a socket, as `https://host[:port]`.
    `keep_alive`: seconds between signs of life on a stream.
    """

    get_queries: bool = True
    introspection: bool = True
    explorer: bool = True
    trusted_only: bool = False
    register_documents: bool = False
    allowed_origins: frozenset[str] = frozenset()
    keep_alive: float = 15.0


def uvicorn_options(limits: Limits, *, trusted_proxies: str = "") -> dict[str, object]:
    """Keyword arguments for `uvicorn.Config` that the limits rely on.

    `trusted_proxies`: addresses whose X-Forwarded-For is believed, separated by commas.
    """
    return {
        "proxy_headers": bool(trusted_proxies),
        "forwarded_allow_ips": trusted_proxies,
        "http": "httptools",
        "ws": "websockets-sansio",
        "ws_max_size": limits.frame_bytes,
        "ws_max_queue": 32,
        "ws_ping_interval": 20.0,
        "ws_ping_timeout": 20.0,
        "ws_per_message_deflate": False,
        "timeout_keep_alive": 5,
        "timeout_graceful_shutdown": 25,
        "server_header": False,
    }
