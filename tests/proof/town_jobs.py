"""Files that the manager of a workspace has asked for: one that was made, one that was not."""

import datetime as dt
from typing import TYPE_CHECKING, Final

from models.jobs import FileFormat, JobKind
from operations.jobs import asking, working
from operations.jobs.rights import EVERYTHING, Shown
from operations.jobs.working import MadeFile

if TYPE_CHECKING:
    from tests.proof.town import City

MADE: Final = MadeFile("Members.csv", "text/csv; charset=utf-8", 10, bytes(32), 1)


async def furnish(city: "City") -> None:
    at, edge = dt.datetime.now(dt.UTC), city.world.edge
    for name in ("made", "failed"):
        async with edge.transaction() as db:
            job = await asking.request(
                db,
                by=city.world.caller("workspace_manager"),
                kind=JobKind.MEMBERS,
                format=FileFormat.CSV,
                course_id=None,
                parameters={},
                at=at,
            )
        city.jobs[name] = job.id
        async with edge.transaction() as db:
            claimed = await working.claim(db, at=at)
        assert claimed is not None
        run = claimed.runs
        async with edge.transaction() as db:
            if name == "failed":
                await working.fail(
                    db, job_id=job.id, run=run, problem="GIVEN_UP", message="In vain.", at=at
                )
            else:
                shows = Shown(reach=frozenset({EVERYTHING}))
                await working.finish(db, job_id=job.id, run=run, file=MADE, shows=shows, at=at)
