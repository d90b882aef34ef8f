"""The door for invoices: `GET /invoices/{id}.pdf`, with a bearer token.

200  the invoice
404  there is no such invoice, or none the caller may see at this moment: nobody learns which

and the refusals of `app.doors`.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from access.caller import Caller
from app.authentication.bearer import Bearer
from app.doors import answering, download, signed_in
from app.invoices.page import page_of
from models.billing import Invoice
from models.workspaces import Workspace
from operations import invoices
from operations.edge import Edge
from operations.refusals import not_found
from resolvers.ids import storable_in

PAGES_AT_ONCE: Final = 2
"""Pages set at the same time in one process; more only wait for each other."""


class InvoiceDoor:
    """Gives invoices out to whoever may see them now."""

    def __init__(self, edge: Edge, bearer: Bearer) -> None:
        self._edge = edge
        self._bearer = bearer
        self._turn = asyncio.Semaphore(PAGES_AT_ONCE)

    async def answer(self, request: Request) -> Response:
        """The PDF, made anew."""
        caller = (await signed_in(request, self._bearer)).caller
        found = await self._find(caller, request.path_params["invoice_id"])
        if found is None:
            raise not_found("invoice")
        invoice, slug = found
        async with self._turn:
            page = await asyncio.to_thread(page_of, invoice)
        name = f"invoice-{slug}-{invoice.number}.pdf"
        return Response(page, media_type="application/pdf", headers=download(name))

    async def _find(self, caller: Caller, id: str) -> tuple[Invoice, str] | None:
        number = storable_in(id, "Invoice")
        if number is None:
            return None
        async with self._edge.read() as db:
            invoice = await db.scalar(invoices.seen_by(caller).where(Invoice.id == number))
            if invoice is None:
                return None
            workspace = await db.get_one(Workspace, invoice.workspace_id)
            return invoice, workspace.slug


def routes(*, edge: Edge, bearer: Bearer) -> Sequence[Route]:
    """The door's routes, to be mounted at the root."""
    door = InvoiceDoor(edge, bearer)
    return [Route("/invoices/{invoice_id}.pdf", answering(door.answer), methods=["GET"])]
