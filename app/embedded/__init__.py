"""A real PostgreSQL and a real Redis as children of this process, from binaries inside wheels.

Both live in a directory of their own (`home`), listen on UNIX sockets only, end with the process
that started them, and resume on the data they find.
"""

from app.embedded.claim import CannotStart
from app.embedded.postgres import EmbeddedPostgres
from app.embedded.redis import EmbeddedRedis

__all__ = ["CannotStart", "EmbeddedPostgres", "EmbeddedRedis"]
