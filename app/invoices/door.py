"""The door for invoices: `GET /invoices/{id}.pdf`, with a bearer token.

200  the invoice
401  the token is missing or not valid     403  the account is deactivated
404  there is no such invoice, or none the caller may see at this moment: nobody learns which
503  who this is, or what there is, could not be found out: ask again
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from access.caller import Caller
from app.authentication.bearer import Bearer
from app.graphql import Forbidden, RequestInfo, RequestRefused, Unauthenticated
from app.graphql.reception import (
    CHALLENGE,
    authorization_of,
    bearer_token,
    client_of,
    public_headers,
    request_id_of,
)
from app.invoices.page import page_of
from models.billing import Invoice
from models.workspaces import Workspace
from operations import invoices
from operations.edge import Edge
from resolvers.ids import decode

PAGES_AT_ONCE: Final = 2
"""Pages set at the same time in one process; more only wait for each other."""

RETRY: Final = {"retry-after": "5"}

log = logging.getLogger(__name__)


class InvoiceDoor:
    """Gives invoices out to whoever may see them now."""

    def __init__(self, edge: Edge, bearer: Bearer) -> None:
        self._edge = edge
        self._bearer = bearer
        self._turn = asyncio.Semaphore(PAGES_AT_ONCE)

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        try:
            caller = await self._caller(request)
            found = await self._find(caller, request.path_params["invoice_id"])
        except Unauthenticated as refusal:
            return _says(refusal, 401, CHALLENGE)
        except Forbidden as refusal:
            return _says(refusal, 403)
        except RequestRefused as refusal:
            return _says(refusal, refusal.status or 400, refusal.headers)
        except (SQLAlchemyError, OSError) as problem:
            log.error("an invoice could not be looked up: %s", type(problem).__name__)
            return JSONResponse({"error": "Try again in a moment."}, 503, RETRY)
        if found is None:
            return JSONResponse({"error": "There is no such invoice."}, 404)
        invoice, slug = found
        async with self._turn:
            page = await asyncio.to_thread(page_of, invoice)
        name = f"invoice-{slug}-{invoice.number}.pdf"
        return Response(
            page,
            media_type="application/pdf",
            headers={
                "content-disposition": f'attachment; filename="{name}"',
                "cache-control": "no-store",
            },
        )

    async def _caller(self, request: Request) -> Caller:
        headers = request.scope["headers"]
        about = RequestInfo(
            request_id_of(headers), "http", client_of(request.scope), public_headers(headers)
        )
        token = bearer_token(authorization_of(headers))
        return (await self._bearer.authenticate(token, request_info=about)).caller

    async def _find(self, caller: Caller, id: str) -> tuple[Invoice, str] | None:
        named = decode(id)
        if named is None or named.type_name != "Invoice" or not named.is_storable:
            return None
        async with self._edge.read() as db:
            invoice = await db.scalar(invoices.seen_by(caller).where(Invoice.id == named.number))
            if invoice is None:
                return None
            workspace = await db.get_one(Workspace, invoice.workspace_id)
            return invoice, workspace.slug


def _says(
    refusal: Exception, status: int, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    return JSONResponse({"error": str(refusal)}, status, headers)


def routes(*, edge: Edge, bearer: Bearer) -> Sequence[Route]:
    """The door's routes, to be mounted at the root."""
    door = InvoiceDoor(edge, bearer)
    return [Route("/invoices/{invoice_id}.pdf", door.__call__, methods=["GET"])]
