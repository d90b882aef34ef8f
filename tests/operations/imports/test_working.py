"""A file is gone through by one worker at a time, and nothing of it is done twice (X5)."""

import asyncio

import pytest
from sqlalchemy import text

from models.jobs import ImportOutcome, JobState
from operations.imports import working
from operations.imports.asking import Brought, brought_with
from operations.jobs import asking, keeping
from operations.jobs import working as runs
from operations.jobs.keeping import key_of
from operations.jobs.working import RUNS, RunIsOver
from operations.refusals import Code, Refused
from tests.operations.imports.bringing import A_FILE, Bringing, known, scalar
from tests.world import MONDAY, World

pytestmark = pytest.mark.spec("X5")

PEOPLE = [[f"p{n}@x.example"] for n in range(10)]
ADDED = "SELECT count(*) FROM journal_entry WHERE verb = 'member.added' AND by_name = 'Mona'"


async def confirmed(world: World, rows: list[list[str]] = PEOPLE) -> Bringing:
    bringing = Bringing(world, ["E-mail"], rows)
    await bringing.check()
    await bringing.confirm()
    return bringing


async def lease_runs_out(world: World) -> None:
    async with world.edge.transaction() as db:
        await db.execute(text("UPDATE job SET lease_until = now() - interval '1 second'"))


async def test_whoever_comes_next_goes_on_after_the_last_line_that_was_done(office: World) -> None:
    bringing = await confirmed(office)
    first = await bringing.claim()
    await bringing.do(first, bringing.said[:4])
    await lease_runs_out(office)

    second = await bringing.claim()
    assert second.applied_line == bringing.said[3].line
    await bringing.work(second)

    assert await scalar(office, ADDED) == 10
    assert (await bringing.look()).state is JobState.DONE


async def test_a_worker_that_wakes_up_does_nothing_any_more(office: World) -> None:
    bringing = await confirmed(office)
    old = await bringing.claim()
    await bringing.do(old, bringing.said[:4])
    await lease_runs_out(office)
    new = await bringing.claim()

    for rows in (bringing.said[:4], bringing.said[4:]):
        with pytest.raises(RunIsOver):
            await bringing.do(old, rows)
    await bringing.do(new, bringing.said[4:7])
    with pytest.raises(RunIsOver):
        await bringing.do(old, bringing.said[4:])
    async with office.edge.transaction() as db:
        assert not await working.applied(db, job_id=old.id, run=old.runs, file=A_FILE, at=MONDAY)
    await bringing.do(new, bringing.said[7:])

    assert await scalar(office, ADDED) == 10
    assert sorted(await known(office))[-10:] == sorted(email for [email] in PEOPLE)


async def test_a_worker_in_the_middle_of_a_batch_is_waited_for(office: World) -> None:
    """The old run holds the job's row: nobody claims it, and whoever does the same lines later
    finds them done."""
    bringing = await confirmed(office)
    old = await bringing.claim()
    doing = asyncio.create_task(bringing.do(old, bringing.said[:5]))
    same = asyncio.create_task(bringing.do(old, bringing.said[:5]))

    done = sorted(len(each) for each in await asyncio.gather(doing, same))

    assert done == [0, 5]
    assert await scalar(office, ADDED) == 5


async def test_a_batch_whose_rows_are_not_kept_did_nothing(office: World) -> None:
    """The last guard: what a run may not keep any more is not committed either."""
    bringing = Bringing(office, ["E-mail"], PEOPLE)
    await bringing.bring()
    old = await bringing.claim()
    await lease_runs_out(office)
    new = await bringing.claim()

    with pytest.raises(RunIsOver):
        await bringing.do(old, bringing.said)
    assert await bringing.kept() == []
    await bringing.work(new)
    assert len(await bringing.kept()) == 10


async def test_what_waits_for_a_word_is_done_once(office: World) -> None:
    bringing = Bringing(office, ["E-mail"], PEOPLE)
    await bringing.bring()
    with pytest.raises(Refused) as refused:
        await bringing.confirm()
    assert refused.value.code is Code.CONFLICT
    await bringing.work()

    await bringing.confirm()
    again = await bringing.confirm()

    assert (again.state, again.is_applied) == (JobState.QUEUED, True)
    await bringing.work()
    assert (await bringing.confirm()).state is JobState.DONE
    assert (await office.verbs()).count("import.confirmed") == 1
    assert await scalar(office, ADDED) == 10


async def test_the_journal_counts_what_would_become_and_what_became(office: World) -> None:
    rows = [["n@x.example", "1"], ["lea@acme.example", "2"], ["mona@acme.example", ""], ["n", ""]]
    bringing = Bringing(office, ["E-mail", "Level"], rows)
    await bringing.check()
    await bringing.apply()

    counts = {"created": 1, "updated": 1, "unchanged": 1, "refused": 1}
    for verb in ("import.checked", "import.applied"):
        said = "SELECT detail FROM journal_entry WHERE verb = :verb"
        detail = await scalar(office, said, verb=verb)
        assert detail == {
            "job": bringing.job_id,
            "kind": "IMPORT_MEMBERS",
            "causedBy": detail["causedBy"],
            **counts,
        }
    async with office.edge.read() as db:
        tally = await working.counts(db, job_ids=[bringing.job_id])
        refused = [each async for each in working.refused_rows(db, bringing.job_id)]
    assert list(tally[bringing.job_id].values()) == [1, 1, 1, 1]
    assert [(each.line, each.cells, each.code) for each in refused] == [
        (5, {"E-mail": "n"}, "BAD_USER_INPUT")
    ]


async def test_what_was_done_before_it_was_called_off_stays_and_is_said(office: World) -> None:
    bringing = await confirmed(office)
    job = await bringing.claim()
    await bringing.do(job, bringing.said[:4])
    async with office.edge.transaction() as db:
        await asking.cancel(db, by=office.caller("Mona"), job_id=job.id, at=MONDAY)

    with pytest.raises(RunIsOver):
        await bringing.do(job, bringing.said[4:])

    after = await bringing.look()
    assert after.state is JobState.CANCELED
    assert after.message == (
        "The rows up to line 5 were done before and stay so: "
        "4 created, 0 updated, 0 unchanged, 0 refused."
    )
    async with office.edge.read() as db:
        tally = (await working.counts(db, job_ids=[job.id]))[job.id]
    assert tally[ImportOutcome.CREATED] == 4
    assert (await office.verbs())[-1] == "import.canceled"
    assert after.expires_at is not None
    assert (after.expires_at - MONDAY).days > 1


async def test_what_was_only_tried_can_be_called_off(office: World) -> None:
    bringing = Bringing(office, ["E-mail"], PEOPLE)
    await bringing.check()
    async with office.edge.transaction() as db:
        await asking.cancel(db, by=office.caller("Mona"), job_id=bringing.job_id, at=MONDAY)

    after = await bringing.look()
    assert (after.state, after.message) == (JobState.CANCELED, None)
    with pytest.raises(Refused):
        await bringing.confirm()


async def test_what_nobody_says_a_word_about_expires_with_all_its_bytes(office: World) -> None:
    bringing = Bringing(office, ["E-mail"], PEOPLE)
    await bringing.bring()
    job = await bringing.claim()
    await bringing.do(job, bringing.said)
    async with office.edge.transaction() as db:
        assert await working.checked(db, job_id=job.id, run=job.runs, file=A_FILE, at=MONDAY)
    ends = (await bringing.look()).expires_at
    assert ends is not None

    async with office.edge.transaction() as db:
        [expired] = await keeping.expire(db, at=ends, limit=5)
    assert expired.keys == ("brought/1", key_of(job, 1))
    with pytest.raises(Refused) as refused:
        await bringing.confirm()
    assert refused.value.details == {"state": "EXPIRED"}
    async with office.edge.transaction() as db:
        await keeping.forget(db, ids=[expired.id])

    after = await bringing.look()
    assert (after.state, after.input_key, after.output_key) == (JobState.EXPIRED, None, None)
    assert await bringing.kept() == []


async def test_trying_costs_doing_none_of_its_runs(office: World) -> None:
    bringing = Bringing(office, ["E-mail"], PEOPLE)
    await bringing.bring()
    for _ in range(RUNS - 1):
        await bringing.claim()
        await lease_runs_out(office)
    await bringing.work()
    await bringing.confirm()

    for run in range(RUNS):
        assert (await bringing.claim()).runs == RUNS + run + 1
        await lease_runs_out(office)

    async with office.edge.transaction() as db:
        assert await runs.claim(db, at=MONDAY) is None
    assert (await bringing.look()).problem == runs.GIVEN_UP
    assert (await office.verbs())[-1] == "import.failed"


async def test_as_many_files_as_may_be_wait_for_a_word_or_a_worker(office: World) -> None:
    for _ in range(asking.MOST_OF_ONE):
        await Bringing(office, ["E-mail"], PEOPLE).check()

    with pytest.raises(Refused) as refused:
        await Bringing(office, ["E-mail"], PEOPLE).bring()
    assert refused.value.code is Code.LIMIT_REACHED
    await Bringing(office, ["E-mail"], PEOPLE, by="Ivo").bring()


async def test_what_was_said_with_a_file_is_kept(office: World) -> None:
    bringing = Bringing(office, ["E-mail", "Shoes"], PEOPLE, ignoring=["Shoes"])
    await bringing.bring()

    said = brought_with(await bringing.look())

    assert said == Brought("people.csv", 100, None, ("Shoes",))


async def test_two_files_about_the_same_people_at_once_add_nobody_twice(office: World) -> None:
    one, other = (Bringing(office, ["E-mail"], rows) for rows in (PEOPLE, PEOPLE[::-1]))
    for each in (one, other):
        await each.check()
    for each in (one, other):
        await each.confirm()
    first, second = await one.claim(), await other.claim()

    await asyncio.gather(one.do(first, one.said), other.do(second, other.said))

    assert await scalar(office, ADDED) == 10
    became = [*await one.outcomes(), *await other.outcomes()]
    assert became.count("CREATED") == 10
    assert set(became) <= {"CREATED", "UNCHANGED", "REFUSED"}
