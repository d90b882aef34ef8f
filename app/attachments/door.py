"""The door for files of modules, with a bearer token.

`POST /attachments?module=<id>&name=Slides.pdf`, the bytes as the body:

201  the file is stored whole, and there; `Location` says where
409  the module has as many files as it can have
415  its name, or its bytes, are of no kind that is taken

`GET /attachments/<id>`, also in part (`Range`) and only if it has changed (`If-None-Match`):

200  the file; 206 the part that was asked for; 304 what one has is still the same
404  there is no such file, or none the caller may read at this moment: nobody learns which
416  nothing of it lies in that part

and the refusals of `app.doors`. Whoever may read is asked for every request anew.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from access.caller import Caller
from app.attachments.kinds import SHOWN, Looking, kind_of
from app.attachments.ranges import Part, Unsatisfiable, part_of
from app.attachments.receiving import forget, receive, refuse_large
from app.authentication.bearer import NOT_SIGNED_IN, Bearer
from app.doors import answering, download, signed_in
from app.graphql import Unauthenticated
from app.parameters import Parameter, id_of, read, text
from app.storage import Storage
from models.content import Attachment
from operations.content import attachments
from operations.content.attachments import FILE_SIZE, Stored, file_name_of
from operations.edge import Edge
from operations.refusals import Code, Refused, not_found
from resolvers.content.views import FILES, address_of
from resolvers.ids import encode, storable_in

ALONE: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"
_SAID: Final[Mapping[str, Parameter]] = {
    "module": Parameter("module_id", id_of("Module")),
    "name": Parameter("name", text),
}


class AttachmentDoor:
    """Takes files into modules and gives them out."""

    def __init__(
        self, edge: Edge, bearer: Bearer, storage: Storage, now: Callable[[], dt.datetime]
    ) -> None:
        self._edge = edge
        self._bearer = bearer
        self._storage = storage
        self._now = now

    async def take(self, request: Request) -> Response:
        """Bytes first, then the row: no row names a file that is not there."""
        known = await signed_in(request, self._bearer)
        said = read(request.query_params, _SAID)
        if said.keys() != {"module_id", "name"}:
            raise Refused(Code.BAD_USER_INPUT, "Say the module and the name of the file.")
        by, module_id, name = known.caller, said["module_id"], file_name_of(said["name"])
        kind = kind_of(name)
        refuse_large(request, FILE_SIZE)
        async with self._edge.read() as db:
            await attachments.refuse_upload(db, by=by, module_id=module_id)
        folder = f"{by.workspace_id}/{module_id}"
        looking = Looking(kind, name)
        got = await receive(request, self._storage, looking=looking, limit=FILE_SIZE, folder=folder)
        stored = Stored(got.key, kind.media_type, got.size, got.sha256)
        try:
            if not await self._bearer.still_valid(known):
                raise Unauthenticated(NOT_SIGNED_IN)
            made = await self._add(by, module_id, name, stored)
        except BaseException:
            await forget(self._storage, stored.key)
            raise
        return JSONResponse(made, 201, {"location": made["href"]})

    async def give(self, request: Request) -> Response:
        """The file or a part of it, streamed."""
        by = (await signed_in(request, self._bearer)).caller
        found = await self._find(by, request.path_params["attachment_id"])
        if found is None:
            raise not_found("attachment")
        headers = _headers(found)
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(None, 304, headers)
        try:
            part = part_of(found.size, _range_in(request, headers["etag"]))
        except Unsatisfiable:
            return Response(None, 416, {"content-range": f"bytes */{found.size}"})
        return await self._sent(request, found, part, headers)

    async def _sent(
        self, request: Request, found: Attachment, part: Part | None, headers: dict[str, str]
    ) -> Response:
        start, end = part or Part(0, found.size)
        headers["content-length"] = str(end - start)
        if part is not None:
            headers["content-range"] = f"bytes {start}-{end - 1}/{found.size}"
        status = 200 if part is None else 206
        if request.method == "HEAD":
            return Response(None, status, headers)
        pieces = await self._storage.get(found.storage_key, start, end)
        return StreamingResponse(pieces, status, headers)

    async def _add(self, by: Caller, module_id: int, name: str, stored: Stored) -> dict[str, Any]:
        async with self._edge.transaction() as db:
            made = await attachments.add(
                db, by=by, module_id=module_id, file_name=name, stored=stored, at=self._now()
            )
            return {
                "id": encode("Attachment", made.id),
                "reference": f"attachment:{made.id}",
                "href": address_of(made.id),
                "fileName": made.file_name,
                "mediaType": made.media_type,
                "size": made.size,
                "sha256": made.sha256.hex(),
            }

    async def _find(self, by: Caller, id: str) -> Attachment | None:
        number = storable_in(id, "Attachment")
        if number is None:
            return None
        async with self._edge.read() as db:
            found: Attachment | None = await db.scalar(
                attachments.seen_by(by).where(Attachment.id == number)
            )
            return found


def _headers(found: Attachment) -> dict[str, str]:
    headers = download(found.file_name)
    if found.media_type in SHOWN:
        headers["content-disposition"] = headers["content-disposition"].replace(
            "attachment", "inline", 1
        )
    return headers | {
        "content-type": found.media_type,
        "content-security-policy": ALONE,
        "cache-control": "private, no-cache",
        "accept-ranges": "bytes",
        "etag": f'"{found.sha256.hex()}"',
    }


def _range_in(request: Request, etag: str) -> str | None:
    """The range, unless it is of a file that was another one."""
    condition = request.headers.get("if-range")
    return request.headers.get("range") if condition in {None, etag} else None


def routes(
    *, edge: Edge, bearer: Bearer, storage: Storage, now: Callable[[], dt.datetime]
) -> Sequence[Route]:
    """The door's routes, to be mounted at the root."""
    door = AttachmentDoor(edge, bearer, storage, now)
    return [
        Route(FILES, answering(door.take), methods=["POST"]),
        Route(f"{FILES}/{{attachment_id}}", answering(door.give), methods=["GET"]),
    ]
