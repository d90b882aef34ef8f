"""Trusted documents: operations known by the SHA-256 of their text.

A client names a document with `extensions.persistedQuery {version: 1, sha256Hash}`, the protocol
that Apollo, urql and Relay speak. A store may be fixed (a manifest made when the client was built)
or learn from clients; in strict mode only documents in the store are answered.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Protocol

from app.graphql.errors import Code, refused
from app.graphql.requests import GraphQLRequest

SHA256 = re.compile(r"[0-9a-f]{64}")


class DocumentStore(Protocol):
    """Where documents are looked up by digest (64 lower-case hexadecimal digits)."""

    async def get(self, digest: str) -> str | None: ...

    async def put(self, digest: str, text: str) -> None: ...


class Manifest:
    """A fixed set of documents, such as the manifest a client's build writes."""

    def __init__(self, documents: Mapping[str, str]) -> None:
        for digest, text in documents.items():
            if digest_of(text) != digest:
                raise ValueError(f"The document filed as {digest} has another SHA-256.")
        self._documents = dict(documents)

    async def get(self, digest: str) -> str | None:
        return self._documents.get(digest)

    async def put(self, digest: str, text: str) -> None:
        """A manifest is complete; it learns nothing."""


class Remembered:
    """Documents clients registered, in this process, the oldest forgotten first."""

    def __init__(self, *, characters: int = 2_000_000) -> None:
        self._room = characters
        self._documents: OrderedDict[str, str] = OrderedDict()

    async def get(self, digest: str) -> str | None:
        text = self._documents.get(digest)
        if text is not None:
            self._documents.move_to_end(digest)
        return text

    async def put(self, digest: str, text: str) -> None:
        if digest in self._documents:
            return
        self._documents[digest] = text
        self._room -= len(text)
        while self._room < 0:
            _, forgotten = self._documents.popitem(last=False)
            self._room += len(forgotten)


def digest_of(text: str) -> str:
    """The name of a document."""
    return hashlib.sha256(text.encode()).hexdigest()


async def document_text(
    request: GraphQLRequest, store: DocumentStore | None, *, strict: bool
) -> str:
    """The text to run: given, or found by its digest. RequestRefused when it may not run."""
    digest = _named_digest(request)
    if digest is None and not strict:
        return request.query or ""
    if store is None:
        raise refused(Code.PERSISTED_QUERY_NOT_SUPPORTED, "PersistedQueryNotSupported")
    if request.query is None:
        known = await store.get(digest or "")
        if known is None:
            raise refused(Code.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")
        return known
    actual = digest_of(request.query)
    if digest is not None and digest != actual:
        raise refused(Code.BAD_USER_INPUT, "sha256Hash is not the SHA-256 of the query.")
    if strict and await store.get(actual) is None:
        raise refused(
            Code.PERSISTED_QUERY_NOT_FOUND, "Only documents registered beforehand are answered."
        )
    return request.query


async def learn(request: GraphQLRequest, store: DocumentStore) -> None:
    """File the text of a request that gave both text and digest; call it once it proved valid."""
    digest = _named_digest(request)
    if digest is not None and request.query is not None:
        await store.put(digest, request.query)


def _named_digest(request: GraphQLRequest) -> str | None:
    named = request.extensions.get("persistedQuery")
    if named is None:
        return None
    if isinstance(named, dict) and named.get("version") == 1:
        digest = named.get("sha256Hash")
        if isinstance(digest, str) and SHA256.fullmatch(digest):
            return digest
    raise refused(
        Code.BAD_REQUEST,
        "persistedQuery must be {version: 1, sha256Hash: 64 lower-case hexadecimal digits}.",
        status=400,
    )
