"""How fast lists of people come in: `python -m tests.benchmarks.imports`.

A CSV of new people is brought to the running system over HTTP, tried, and done; brought again,
when nothing is new; and the same people are assigned to a course by another file. Beside it stands
the leanest SQL that leaves the same people and the same enrolments: one COPY and one
INSERT … SELECT each, without rules, journal, rights, results of lines, or anybody to tell.
`IMPORT_SIZES` (such as `10000,100000`) says how many people.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from sqlalchemy import Engine, text

from access.permissions import Principal
from tests.benchmarks.database import durable_database
from tests.stories.running import Company, System, founding, running
from tests.workers import Workers

SIZES: Final = [int(each) for each in os.environ.get("IMPORT_SIZES", "2000,10000").split(",")]
DEPARTMENTS: Final = 12

STATE: Final = """query ($job: ID!) { job(id: $job) { state message
  imported { created updated unchanged refused } } }"""
APPLY: Final = "mutation ($job: ID!) { applyImport(jobId: $job) { refusal { message } } }"

STAGE: Final = """CREATE TEMP TABLE staged (user_name text, display_name text, email text,
  department text)"""
PEOPLE: Final = """
INSERT INTO member (workspace_id, user_name, display_name, email, state, attributes, facts)
SELECT :workspace_id, user_name, display_name, email, 'PENDING',
       jsonb_build_object('department', department), jsonb_build_object('department', department)
  FROM staged
"""
ENROLMENTS: Final = """
WITH enrolled AS (
    INSERT INTO enrolment (course_id, member_id, workspace_id, source)
    SELECT :course_id, m.id, :workspace_id, 'DIRECT'
      FROM staged s JOIN member m ON m.workspace_id = :workspace_id
                                 AND lower(m.user_name) = lower(s.user_name)
    RETURNING course_id, member_id, workspace_id
)
INSERT INTO progress (course_id, member_id, workspace_id, is_learner, attempts, state)
SELECT course_id, member_id, workspace_id, true, 0, 'NOT_STARTED' FROM enrolled
"""


def people_of(slug: str, size: int) -> str:
    """One line for each person: user name, name, e-mail, department."""
    return "".join(
        f"{slug}-{n},Person {n},{slug}-{n}@x.example,Department {n % DEPARTMENTS}\n"
        for n in range(size)
    )


class Bringing:
    """One manager, who brings files and waits for them."""

    def __init__(self, company: Company, http: httpx.AsyncClient) -> None:
        self._company = company
        self._http = http

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        said = {"query": document, "variables": variables}
        answer = (await self._http.post("/graphql", json=said)).json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    async def bring(self, csv: str, **query: str) -> str:
        """Bring a file; its job, once it has been tried."""
        taken = await self._http.post("/imports", params=query, content=csv.encode())
        assert taken.status_code == 201, taken.text
        job: str = taken.json()["id"]
        await self._until(job, "CHECKED")
        return job

    async def do(self, job: str) -> dict[str, int]:
        """Have it done; how many lines became what."""
        applied = await self.ask(APPLY, job=job)
        assert applied["applyImport"]["refusal"] is None, applied
        found: dict[str, int] = (await self._until(job, "DONE"))["imported"]
        return found

    async def _until(self, job: str, state: str) -> dict[str, Any]:
        while True:
            now: dict[str, Any] = (await self.ask(STATE, job=job))["job"]
            if now["state"] == state:
                return now
            assert now["state"] != "FAILED", now
            await asyncio.sleep(0.05)


@contextmanager
def timed(spent: dict[str, float], name: str) -> Iterator[None]:
    since = time.perf_counter()
    yield
    spent[name] = time.perf_counter() - since


async def through_the_door(bringing: Bringing, company: Company, slug: str, size: int) -> Any:
    """Seconds of each step."""
    lines = people_of(slug, size)
    people = "User name,Name,E-mail,Department\n" + lines
    learners = "User name\n" + "".join(line.split(",", 1)[0] + "\n" for line in lines.splitlines())
    course = company.id("Course", "Safety")
    spent: dict[str, float] = {}
    with timed(spent, "people, tried"):
        job = await bringing.bring(people, into="members", name="people.csv")
    with timed(spent, "people, done"):
        became = await bringing.do(job)
    assert became["created"] == size, became
    with timed(spent, "the same again, tried"):
        job = await bringing.bring(people, into="members", name="again.csv")
    with timed(spent, "assigned, tried"):
        job = await bringing.bring(learners, into="assignments", name="l.csv", course=course)
    with timed(spent, "assigned, done"):
        became = await bringing.do(job)
    assert became["created"] == size, became
    return spent


def by_sql(engine: Engine, company: Company, slug: str, size: int) -> dict[str, float]:
    """The same people and enrolments by the leanest statements."""
    world, spent = company.world, dict[str, float]()
    where = {"workspace_id": world.workspace_id, "course_id": world.courses["Safety"]}
    with engine.connect() as db:
        with timed(spent, "people, done"):
            db.execute(text(STAGE))
            driver = db.connection.driver_connection
            assert driver is not None
            with driver.cursor().copy("COPY staged FROM STDIN (FORMAT csv)") as copy:
                copy.write(people_of(slug, size))
            db.execute(text(PEOPLE), {"workspace_id": world.workspace_id})
            db.commit()
        with timed(spent, "assigned, done"):
            db.execute(text(ENROLMENTS), where)
            db.commit()
        db.execute(text("DROP TABLE staged"))
        db.commit()
    return spent


def tell(
    size: int, ours: dict[str, float], floor: dict[str, float], out: Callable[..., None]
) -> None:
    for name, seconds in ours.items():
        least = f"{seconds / floor[name]:>8.1f} ×" if name in floor else ""
        out(f"{size:>9,}  {name:<24}{seconds:>8.2f} s{size / seconds:>10,.0f} rows/s{least}")


@contextmanager
def workshop(system: System, home: Path) -> Iterator[None]:
    """A worker that takes files in."""
    settings = system.settings
    data = {"COORDINATOR_DATA_DIR": str(settings.data_dir)}
    home.mkdir()
    with Workers(settings.database_address, settings.redis_address, home, data) as workers:
        workers.start("files")
        yield


async def run(engine: Engine, home: Path) -> None:
    url = engine.url.render_as_string(hide_password=False)
    with running(url, home) as system, workshop(system, home / "files"):
        async with founding(system) as found:
            company = await found()
            await company.world.member("Mona")
            await company.world.grant("Mona", Principal.WORKSPACE_MANAGER)
            await company.world.course("Safety")
            headers = {"Authorization": f"Bearer {company.token('Mona')}"}
            async with httpx.AsyncClient(base_url=system.url, headers=headers, timeout=60) as http:
                for size in SIZES:
                    floor = by_sql(engine, company, f"sql{size}", size)
                    bringing = Bringing(company, http)
                    ours = await through_the_door(bringing, company, f"p{size}", size)
                    tell(size, ours, floor, print)
    print("× is of the leanest SQL that leaves the same rows, without anything around them.")


def main() -> None:
    with durable_database() as engine, tempfile.TemporaryDirectory() as place:
        home = Path(place)
        home.chmod(0o755)
        asyncio.run(run(engine, home))


if __name__ == "__main__":
    main()
