"""The door for files of rows that are to be imported, with a bearer token.

`POST /imports?into=members&name=people.csv`, or
`POST /imports?into=assignments&course=<id>&group=<id>&name=list.xlsx`, the bytes as the body;
`ignore=<title>`, as often as needed, names columns that are to be left out:

201  the file is there, and is tried; `Location` says where its refused rows will be, and `id` names
     the job that says how far it is
409  as many files as may be wait already, or the course is not active
415  its name, or its bytes, are of no kind that is taken

and the refusals of `app.doors`. Nothing is done before somebody says so: `applyImport`.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.attachments.receiving import Received, forget, receive, refuse_large
from app.authentication.authenticated import Authenticated
from app.authentication.bearer import NOT_SIGNED_IN, Bearer
from app.doors import answering, signed_in
from app.graphql import Unauthenticated
from app.parameters import Parameter, id_of, read, text
from app.storage import Storage
from app.workbooks.reading import HEAD, MOST_BYTES, refusal_of_head
from models.jobs import FileFormat, JobKind
from operations.content.attachments import file_name_of
from operations.edge import Edge
from operations.imports import asking
from operations.refusals import Code, Refused
from resolvers.ids import encode
from resolvers.jobs.reading import address_of

PATH: Final = "/imports"
FOLDER: Final = "imports"
MOST_IGNORED: Final = 200

INTO: Final[Mapping[str, JobKind]] = {
    "members": JobKind.IMPORT_MEMBERS,
    "assignments": JobKind.IMPORT_ASSIGNMENTS,
}
FORMATS: Final[Mapping[str, FileFormat]] = {
    ".csv": FileFormat.CSV,
    ".tsv": FileFormat.CSV,
    ".txt": FileFormat.CSV,
    ".xlsx": FileFormat.XLSX,
}


def _into(said: str) -> JobKind:
    kind = INTO.get(said)
    if kind is None:
        raise Refused(Code.BAD_USER_INPUT, f"Say into={' or into='.join(INTO)}.")
    return kind


_SAID: Final[Mapping[str, Parameter]] = {
    "into": Parameter("kind", _into),
    "name": Parameter("name", text),
    "course": Parameter("course_id", id_of("Course")),
    "group": Parameter("group_id", id_of("LearnerGroup")),
    "ignore": Parameter("ignoring", text, is_many=True),
}


class ImportDoor:
    """Takes files in."""

    def __init__(
        self, edge: Edge, bearer: Bearer, storage: Storage, now: Callable[[], dt.datetime]
    ) -> None:
        self._edge = edge
        self._bearer = bearer
        self._storage = storage
        self._now = now

    async def take(self, request: Request) -> Response:
        """Rights before bytes, and bytes before the row: no row names a file that is not there."""
        known = await signed_in(request, self._bearer)
        said = _understood(read(request.query_params, _SAID))
        format = _format_of(said["name"])
        refuse_large(request, MOST_BYTES)
        by = known.caller
        async with self._edge.read() as db:
            await asking.refuse_bringing(
                db,
                by=by,
                kind=said["kind"],
                course_id=said["course_id"],
                group_id=said["group_id"],
            )
        got = await receive(
            request,
            self._storage,
            looking=_Looking(format),
            limit=MOST_BYTES,
            folder=f"{by.workspace_id}/{FOLDER}",
        )
        try:
            if not await self._bearer.still_valid(known):
                raise Unauthenticated(NOT_SIGNED_IN)
            job_id = await self._bring(known, said, format, got)
        except BaseException:
            await forget(self._storage, got.key)
            raise
        href = address_of(job_id)
        made = {"id": encode("Job", job_id), "href": href, "size": got.size}
        return JSONResponse(made | {"sha256": got.sha256.hex()}, 201, {"location": href})

    async def _bring(
        self, known: Authenticated, said: Mapping[str, Any], format: FileFormat, got: Received
    ) -> int:
        parameters: dict[str, Any] = {asking.IGNORING: list(said["ignoring"])}
        if said["group_id"] is not None:
            parameters[asking.GROUP] = said["group_id"]
        async with self._edge.transaction() as db:
            job = await asking.bring(
                db,
                by=known.caller,
                kind=said["kind"],
                format=format,
                course_id=said["course_id"],
                parameters=parameters,
                input_key=got.key,
                file_name=said["name"],
                size=got.size,
                at=self._now(),
            )
            return job.id


class _Looking:
    """Looks whether bytes begin like what they are called."""

    def __init__(self, format: FileFormat) -> None:
        self._format = format
        self._head = b""
        self._is_known = False

    def see(self, piece: bytes, *, is_last: bool = False) -> None:
        """Raises UNSUPPORTED_FILE."""
        self._head += piece[: HEAD - len(self._head)]
        if not self._is_known and (is_last or len(self._head) == HEAD):
            self._is_known = True
            refusal = refusal_of_head(self._head, self._format)
            if refusal is not None:
                raise refusal


def _understood(said: dict[str, Any]) -> dict[str, Any]:
    """What was said, with what goes together; and what was not said, as None."""
    if not said.keys() >= {"kind", "name"}:
        raise Refused(Code.BAD_USER_INPUT, "Say into what the file goes, and its name.")
    is_of_course = said["kind"] is JobKind.IMPORT_ASSIGNMENTS
    if is_of_course != ("course_id" in said) or ("group_id" in said and not is_of_course):
        raise Refused(
            Code.BAD_USER_INPUT,
            "Assignments go into a course, and perhaps one of its groups; members into neither.",
        )
    ignoring = said.get("ignoring", ())
    if len(ignoring) > MOST_IGNORED:
        raise Refused(
            Code.BAD_USER_INPUT,
            f"At most {MOST_IGNORED} columns are ignored; this names {len(ignoring)}.",
            {"limit": MOST_IGNORED, "actual": len(ignoring)},
        )
    unsaid = {"course_id": None, "group_id": None, "ignoring": ()}
    return {**unsaid, **said, "name": file_name_of(said["name"])}


def _format_of(name: str) -> FileFormat:
    """Raises UNSUPPORTED_FILE."""
    format = FORMATS.get(PurePath(name).suffix.lower())
    if format is None:
        raise Refused(
            Code.UNSUPPORTED_FILE,
            f"Files like “{name[-40:]}” are not taken; there are {' '.join(FORMATS)}. Save it as an"
            " Excel workbook (.xlsx) or as “CSV UTF-8”.",
            {"argument": "name"},
        )
    return format


def routes(
    *, edge: Edge, bearer: Bearer, storage: Storage, now: Callable[[], dt.datetime]
) -> Sequence[Route]:
    """The door's routes, to be mounted at the root."""
    door = ImportDoor(edge, bearer, storage, now)
    return [Route(PATH, answering(door.take), methods=["POST"])]
