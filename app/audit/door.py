"""The door for copies of the audit log: `GET /audit.jsonl` and `GET /audit.csv`, with a bearer
token and the filters of `viewAuditLog` as query parameters.

200  the entries one may see, oldest first, up to the moment of asking
403  the account is deactivated, or may not read this

and the refusals of `app.doors`. A copy is itself recorded. When a right or the token ends, the
copy breaks off in the middle.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from access.caller import Origin
from app.audit.copying import begin, copy
from app.audit.writing import FORMATS, Format
from app.authentication.bearer import Bearer
from app.doors import answering, download, signed_in
from app.parameters import Parameter, id_of, moment, read, text, yes
from operations.audit import Filters
from operations.edge import Edge
from operations.refusals import Code, Refused
from resolvers.audit import cause_of


def _origin(text: str) -> Origin:
    try:
        return Origin[text.upper()]
    except KeyError:
        names = ", ".join(each.name for each in Origin)
        raise Refused(
            Code.BAD_USER_INPUT, f"“{text[:80]}” is no origin; there are {names}."
        ) from None


_FILTERS: Final[Mapping[str, Parameter]] = {
    "verbs": Parameter("verbs", str, is_many=True),
    "origins": Parameter("origins", _origin, is_many=True),
    "byMemberId": Parameter("by_member_id", id_of("Member")),
    "byConnectionId": Parameter("by_connection_id", id_of("Connection")),
    "bySystem": Parameter("by_system", yes),
    "memberId": Parameter("member_id", id_of("Member")),
    "courseId": Parameter("course_id", id_of("Course")),
    "segmentId": Parameter("segment_id", id_of("Segment")),
    "departmentId": Parameter("department_id", id_of("Department")),
    "cause": Parameter("cause", cause_of),
    "since": Parameter("since", moment),
    "until": Parameter("until", moment),
    "reason": Parameter("reason", text),
}


class AuditDoor:
    """Gives copies of one format out to whoever may see something of the audit log."""

    def __init__(self, edge: Edge, bearer: Bearer, format: Format) -> None:
        self._edge = edge
        self._bearer = bearer
        self._format = format

    async def answer(self, request: Request) -> Response:
        """The copy, beginning at once and read as it is sent."""
        known = await signed_in(request, self._bearer)
        by = known.caller
        filters = Filters(**read(request.query_params, _FILTERS))
        up_to = await begin(self._edge, by, filters, self._format)

        async def is_live() -> bool:
            return await self._bearer.still_valid(known)

        pieces = copy(self._edge, by, filters, self._format, up_to=up_to, is_live=is_live)
        return StreamingResponse(
            pieces,
            media_type=self._format.media_type,
            headers=download(f"audit.{self._format.name}"),
        )


def routes(*, edge: Edge, bearer: Bearer) -> Sequence[Route]:
    """The door's routes, to be mounted at the root."""
    return [
        Route(
            f"/audit.{format.name}",
            answering(AuditDoor(edge, bearer, format).answer),
            methods=["GET"],
        )
        for format in FORMATS.values()
    ]
