"""Where the bytes of files lie: a directory, or a bucket that speaks S3, behind one interface.

    file:///srv/lms/files
    s3://bucket/a/prefix?region=eu-north-1
    s3://bucket?endpoint=https://minio.example.com&region=any

Credentials of a bucket are settings of their own; without them the machine's own role is used.
What is written can be read as soon as `put` has returned, whole; before, nothing is there.
"""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

if TYPE_CHECKING:
    from obstore import GetResult

PIECE: Final = 256 * 1024
PART: Final = 5 * 1024 * 1024
"""How much is sent to a bucket at once; S3 takes no smaller parts."""

PARTS_AT_ONCE: Final = 2
KNOWN: Final = frozenset({"endpoint", "region"})

Store = LocalStore | S3Store


class NoStorage(ValueError):
    """An address that names no storage; the message says what is wrong with it."""


class StorageFails(OSError):
    """The storage did not do what it was asked; its own words are in the cause."""


class Storage:
    """Bytes by keys."""

    def __init__(self, make: Callable[[], Store]) -> None:
        self._make = make
        self._store: Store | None = None

    async def put(self, key: str, pieces: AsyncIterator[bytes]) -> None:
        """Store all of them under this key, or, if they break off, nothing.

        Raises StorageFails; what `pieces` raise goes through.
        """
        reading = _Reading(pieces)
        try:
            await obstore.put_async(
                self._there(), key, reading, chunk_size=PART, max_concurrency=PARTS_AT_ONCE
            )
        except (BaseError, OSError) as problem:
            raise reading.broken or StorageFails("The storage takes nothing.") from problem

    async def get(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to before `end`, at least one, as they come. Raises
        StorageFails at once, and in the middle."""
        try:
            found = await obstore.get_async(self._there(), key, options={"range": (start, end)})
        except (BaseError, OSError) as problem:
            raise StorageFails("The storage gives nothing.") from problem
        return _pieces(found)

    async def delete(self, key: str) -> None:
        """Nothing is there any more; nothing may have been. Raises StorageFails."""
        try:
            await obstore.delete_async(self._there(), key)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as problem:
            raise StorageFails("The storage deletes nothing.") from problem

    def _there(self) -> Store:
        if self._store is None:
            self._store = self._make()
        return self._store


class _Reading:
    """The pieces on their way, and what broke them off: the storage tells it as its own failure,
    and sometimes not at all."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self.broken: BaseException | None = None

    def __aiter__(self) -> "_Reading":
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._pieces)
        except StopAsyncIteration:
            raise
        except BaseException as problem:
            self.broken = problem
            raise


def storage_at(url: str, access_key: str | None = None, secret: str | None = None) -> Storage:
    """The storage an address names; connected with the first use. Raises NoStorage."""
    parts = urlsplit(url)
    match parts.scheme:
        case "file" if parts.netloc in {"", "localhost"} and parts.path.startswith("/"):
            return in_directory(Path(unquote(parts.path)))
        case "s3" if parts.hostname:
            return _in_bucket(parts.hostname, parts.path, parts.query, access_key, secret)
        case _:
            raise NoStorage(
                "must be like file:///srv/files or s3://bucket/prefix?region=eu-north-1;"
                f" it begins with {url[:8]}"
            )


def in_directory(directory: Path) -> Storage:
    """The storage on this machine's disk; the directory is made with the first use."""
    return Storage(lambda: LocalStore(directory.resolve(), mkdir=True))


def _in_bucket(
    bucket: str, path: str, query: str, access_key: str | None, secret: str | None
) -> Storage:
    said = dict(parse_qsl(query))
    if unknown := said.keys() - KNOWN:
        raise NoStorage(f"has the parameters region and endpoint, not {', '.join(unknown)}")
    config: dict[str, Any] = {"region": said.get("region", "us-east-1")}
    if endpoint := said.get("endpoint"):
        if not endpoint.startswith(("https://", "http://")):
            raise NoStorage(f"must have an endpoint like https://…; it is {endpoint!r}")
        config |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
        config["client_options"] = {"allow_http": endpoint.startswith("http://")}
    if access_key is not None:
        config |= {"access_key_id": access_key, "secret_access_key": secret or ""}
    prefix = path.strip("/") or None
    return Storage(lambda: S3Store(bucket, prefix=prefix, **config))


async def _pieces(found: "GetResult") -> AsyncIterator[bytes]:
    try:
        async for piece in found.stream(min_chunk_size=PIECE):
            yield bytes(piece)
    except (BaseError, OSError) as problem:
        raise StorageFails("The storage broke off.") from problem
