"""Files that the manager of a workspace has asked for: one that was made, one that was not, and one
that was brought. And of everybody, files that were brought and tried, and wait for a word: also of
those who could never have brought them, since whoever loses a right may have one."""

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from models.jobs import FileFormat, ImportOutcome, ImportRow, Job, JobKind, JobState
from operations.imports.asking import FILE_NAME, GROUP, SIZE
from operations.imports.recognizing import READ_AS, TITLES
from operations.jobs import asking, working
from operations.jobs.asking import SAID
from operations.jobs.rights import EVERYTHING, Shown
from operations.jobs.working import MadeFile
from tests.proof.table import PEOPLE
from tests.proof.town_learning import group_of

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
    await _brought(city)


ROWS: Final = (ImportOutcome.UNCHANGED, ImportOutcome.REFUSED)


async def _brought(city: "City") -> None:
    """One file that shows all there is to see of one, and those of everybody."""
    people = city.world.members
    async with city.world.edge.transaction() as db:
        shown = _tried(city, "workspace_manager", None)
        jobs = {"brought": shown}
        for who in PEOPLE:
            jobs[f"people of {who}"] = _tried(city, who, None)
            for course in ("Selling", "Law"):
                jobs[f"list of {who} for {course}"] = _tried(city, who, course)
            group = city.world.groups.get(group_of(who))
            if group is not None:
                jobs[f"group list of {who}"] = _tried(city, who, "Selling", group=group)
        db.add_all(jobs.values())
        await db.flush()
        city.jobs |= {name: job.id for name, job in jobs.items()}
        for line, outcome in enumerate(ROWS, start=2):
            is_refused = outcome is ImportOutcome.REFUSED
            db.add(
                ImportRow(
                    job_id=shown.id,
                    line=line,
                    outcome=outcome,
                    member_id=None if is_refused else people["learner"],
                    code="BAD_USER_INPUT" if is_refused else None,
                    message="No address." if is_refused else None,
                    said={"Mail": "learner@acme.example"},
                    keys=[],
                )
            )


def _tried(city: "City", who: str, course: str | None, *, group: int | None = None) -> Job:
    said: dict[str, Any] = {FILE_NAME: "people.csv", SIZE: 10}
    if group is not None:
        said[GROUP] = group
    return Job(
        workspace_id=city.world.workspace_id,
        kind=JobKind.IMPORT_ASSIGNMENTS if course else JobKind.IMPORT_MEMBERS,
        format=FileFormat.CSV,
        state=JobState.CHECKED,
        requested_by_id=city.world.members[who],
        course_id=city.world.courses[course] if course else None,
        parameters={SAID: said, READ_AS: "CSV", TITLES: ["Mail"]},
        created_at=dt.datetime.now(dt.UTC),
        input_key="nowhere",
        runs=1,
    )
