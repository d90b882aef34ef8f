"""What all doors do with a request before it runs: who is it, which document, which operation."""

import asyncio
import re
import secrets
from collections.abc import Iterable
from ipaddress import ip_address

from starlette.types import Scope

from app.graphql.contracts import (
    Authenticate,
    Authenticated,
    Door,
    Forbidden,
    Lapse,
    RequestInfo,
    Unauthenticated,
    never_lapses,
)
from app.graphql.documents import Documents
from app.graphql.errors import Code, Masking, RequestRefused, refused, shorten
from app.graphql.execution import Execution, Operation, failure
from app.graphql.limits import Limits
from app.graphql.requests import GraphQLRequest
from app.graphql.settings import TransportSettings
from app.graphql.strangers import Strangers
from app.graphql.trusted import DocumentStore, document_text, learn

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
CHALLENGE = {"www-authenticate": "Bearer"}


class Reception:
    """One schema's way from a well-shaped request to an operation ready to run."""

    def __init__(
        self,
        *,
        authenticate: Authenticate,
        documents: Documents,
        store: DocumentStore | None,
        execution: Execution,
        masking: Masking,
        limits: Limits,
        settings: TransportSettings,
        lapse: Lapse = never_lapses,
        strangers: Strangers | None = None,
    ) -> None:
        self.strangers = strangers
        self._authenticate = authenticate
        self.lapse = lapse
        self._documents = documents
        self._store = store
        self._masking = masking
        self.execution = execution
        self.limits = limits
        self.settings = settings

    async def authenticated(self, authorization: str | None, about: RequestInfo) -> Authenticated:
        """Ask the application who this is; RequestRefused with the status that says why not."""
        token = bearer_token(authorization)
        try:
            async with asyncio.timeout(self.limits.deadline):
                return await self._authenticate(token, request_info=about)
        except Unauthenticated as error:
            raise unauthenticated(str(error)) from None
        except Forbidden as error:
            raise refused(Code.FORBIDDEN, shorten(str(error)), status=403) from None
        except RequestRefused:
            raise
        except TimeoutError:
            raise refused(
                Code.UNAVAILABLE,
                "Who you are could not be checked in time. Try again.",
                status=503,
                headers={"retry-after": "1"},
            ) from None
        except Exception as error:
            raise self.failed(error, about) from error

    async def operation(self, request: GraphQLRequest) -> Operation:
        """Find, check and price the operation; RequestRefused says what is wrong with it."""
        strict = self.settings.trusted_only
        text = await document_text(request, self._store, strict=strict)
        prepared = self._documents.prepare(text)
        if self._store is not None and self.settings.register_documents and not strict:
            await learn(request, self._store)
        chosen = self._documents.choose(prepared, request.operation_name, request.variables)
        return Operation(chosen, request.variables, request.extensions)

    async def operation_of_stranger(
        self, request: GraphQLRequest, about: RequestInfo
    ) -> Operation | None:
        """What somebody without a good token may run; None where it needs one."""
        if self.strangers is None:
            return None
        try:
            text = await document_text(request, self._store, strict=self.settings.trusted_only)
        except RequestRefused:
            return None
        return self.strangers.operation(request, text, about.client)

    def failed(self, error: Exception, about: RequestInfo) -> RequestRefused:
        """An exception nobody foresaw: presented if the application can, else an incident."""
        return failure(self._masking.shown_or_incident(error, request_id=about.request_id))


def unauthenticated(message: str) -> RequestRefused:
    """401 with the challenge RFC 6750 asks for."""
    return refused(Code.UNAUTHENTICATED, shorten(message), status=401, headers=CHALLENGE)


def bearer_token(authorization: str | None) -> str | None:
    """The token of `Bearer <token>`; None when nothing was sent."""
    if authorization is None:
        return None
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthenticated("Send the token as `Authorization: Bearer <token>`.")
    return token.strip()


def info_of(scope: Scope, door: Door) -> RequestInfo:
    """Who knocks at this door, as far as the head of the request says."""
    headers = scope["headers"]
    return RequestInfo(request_id_of(headers), door, client_of(scope), public_headers(headers))


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The client's X-Request-Id if it is safe to log and repeat, else one of ours."""
    for name, value in headers:
        if name == b"x-request-id":
            given = value.decode("latin-1")
            if REQUEST_ID.fullmatch(given):
                return given
    return secrets.token_hex(16)


def client_of(scope: Scope) -> str | None:
    """The peer's address, if it is one: behind a proxy it is a text the client may have made up."""
    client = scope.get("client")
    try:
        return str(ip_address(client[0])) if client else None
    except ValueError:
        return None


def authorization_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The one Authorization header; two of them are refused, nobody can say which one counts."""
    found = [value.decode("latin-1") for name, value in headers if name == b"authorization"]
    if len(found) > 1:
        raise refused(Code.BAD_REQUEST, "The request has two Authorization headers.", status=400)
    return found[0] if found else None


def public_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name, without the secret ones; of a repeated one the first."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name not in {b"authorization", b"cookie"}:
            found.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    return found
