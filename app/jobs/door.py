"""The door for files that were made: `GET /files/<id>`, with a bearer token, also in
part (`Range`).

200  the file; 206 the part that was asked for
304  what one has is still the same (`If-None-Match`)
404  there is no such file, it is not there any more, or it is not one the caller may read at this
     moment: nobody learns which
416  nothing of it lies in that part

and the refusals of `app.doors`. Whoever may read is asked for every request anew, and while a long
file is sent.
"""

import time
from collections.abc import AsyncIterator, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from access.caller import Caller
from app.attachments.ranges import Part, Unsatisfiable, part_of
from app.authentication.authenticated import Authenticated
from app.authentication.bearer import Bearer
from app.doors import answering, download, has_it, signed_in
from app.parameters import read
from app.storage import Storage
from models.jobs import Job
from operations.edge import Edge
from operations.jobs.asking import seen_by
from operations.jobs.rights import may_read
from operations.refusals import not_found
from resolvers.ids import storable_in
from resolvers.jobs.reading import FILES, OVER

ALONE: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"
RIGHTS_SECONDS: Final = 2.0
"""How often rights are asked for anew while a file is sent."""


class AccessEnded(Exception):
    """Whoever is fetching a file would not be let in any more: it breaks off."""


class FileDoor:
    """Gives files out to whoever asked for them, as long as they may read them."""

    def __init__(self, edge: Edge, bearer: Bearer, storage: Storage) -> None:
        self._edge = edge
        self._bearer = bearer
        self._storage = storage

    async def give(self, request: Request) -> Response:
        """The file or a part of it, streamed."""
        known = await signed_in(request, self._bearer)
        read(request.query_params, {})
        job = await self._find(known.caller, request.path_params["job_id"])
        if job is None or job.size is None:
            raise not_found("file")
        headers = _headers(job)
        if has_it(request, headers["etag"]):
            return Response(None, 304, headers)
        try:
            part = part_of(job.size, _range_in(request, headers["etag"]))
        except Unsatisfiable:
            return Response(None, 416, {"content-range": f"bytes */{job.size}"})
        return await self._sent(request, known, job, part)

    async def _sent(
        self, request: Request, known: Authenticated, job: Job, part: Part | None
    ) -> Response:
        start, end = part or Part(0, job.size or 0)
        headers = _headers(job) | {"content-length": str(end - start)}
        if part is not None:
            headers["content-range"] = f"bytes {start}-{end - 1}/{job.size}"
        status = 200 if part is None else 206
        if request.method == "HEAD":
            return Response(None, status, headers)
        pieces = await self._storage.get(job.output_key or "", start, end)
        return StreamingResponse(self._watched(known, job, pieces), status, headers)

    async def _watched(
        self, known: Authenticated, job: Job, pieces: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        asked = time.monotonic()
        async for piece in pieces:
            if time.monotonic() - asked > RIGHTS_SECONDS:
                if not await self._may_go_on(known, job):
                    raise AccessEnded
                asked = time.monotonic()
            yield piece

    async def _may_go_on(self, known: Authenticated, job: Job) -> bool:
        if not await self._bearer.still_valid(known):
            return False
        async with self._edge.read() as db:
            return await may_read(db, by=known.caller, job=job)

    async def _find(self, by: Caller, id: str) -> Job | None:
        """The job and the right to its file, as of one moment."""
        number = storable_in(id, "Job")
        if number is None:
            return None
        async with self._edge.read() as db:
            job: Job | None = await db.scalar(
                seen_by(by).where(Job.id == number, Job.state.in_(OVER))
            )
            if job is None or not await may_read(db, by=by, job=job):
                return None
            return job


def _headers(job: Job) -> dict[str, str]:
    return download(job.file_name or "file") | {
        "content-type": job.media_type or "application/octet-stream",
        "content-security-policy": ALONE,
        "accept-ranges": "bytes",
        "etag": f'"{(job.sha256 or b"").hex()}"',
    }


def _range_in(request: Request, etag: str) -> str | None:
    """The range, unless it is of a file that was another one; only GET gives parts (RFC 9110,
    14.2)."""
    if request.method != "GET" or request.headers.get("if-range") not in {None, etag}:
        return None
    return request.headers.get("range")


def routes(*, edge: Edge, bearer: Bearer, storage: Storage) -> Sequence[Route]:
    """The door's routes, to be mounted at the root."""
    door = FileDoor(edge, bearer, storage)
    return [Route(f"{FILES}/{{job_id}}", answering(door.give), methods=["GET"])]
