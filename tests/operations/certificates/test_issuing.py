"""Certificates are made of completions, replaced, revoked and end; none is ever removed."""

import datetime as dt
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from models.certificates import CertificateState
from models.people import MemberState
from models.progress import AttemptOrigin
from operations.certificates import issuing, reading
from operations.learning import attempts
from operations.refusals import Code, Denied, Refused
from tests.certifying import REASON, School
from tests.world import MONDAY, World

DAY = dt.timedelta(days=1)
HANDLING = ["Mo", "Dora", "Ingrid", "Cora"]
OTHERS = ["Edda", "Kim"]
OURS = ("FROM certificate", "INTO certificate", "UPDATE certificate", "INTO mail")


async def code_of(school: School, name: str = "Lea", **how: object) -> Code:
    with pytest.raises(Refused) as refused:
        await school.generate(name, **how)  # type: ignore[arg-type]
    return refused.value.code


@pytest.mark.spec("M6")
@pytest.mark.parametrize("by", HANDLING)
async def test_whoever_may_makes_a_certificate_of_what_is_completed(
    school: School, by: str
) -> None:
    await school.complete("Lea")

    made = await school.generate(by=by)

    assert made.state is CertificateState.ISSUED
    assert made.issued_by_id == school.world.members[by]
    assert made.serial == 1
    assert made.printed["serial"] == "ACME-000001"
    assert made.printed["learnerName"] == "Lea"
    assert made.printed["courseTitle"] == "Selling"
    assert (await school.world.verbs())[-1] == "certificate.issued"


@pytest.mark.spec("M6")
async def test_before_completion_there_is_none(school: School) -> None:
    assert await code_of(school) is Code.NOT_COMPLETED
    assert await code_of(school, "Nils") is Code.NOT_COMPLETED
    assert await school.certificates() == []


@pytest.mark.spec("M6")
async def test_a_further_one_takes_the_place_of_the_former(school: School) -> None:
    await school.complete("Lea")
    first = await school.generate()

    second = await school.generate(by="Ingrid", at=MONDAY + DAY)

    former, present = await school.certificates("Lea")
    assert (former.state, present.state) == (CertificateState.SUPERSEDED, CertificateState.ISSUED)
    assert (former.id, present.id) == (first.id, second.id)
    assert former.ended_at == MONDAY + DAY
    assert former.ended_by_id == school.world.members["Ingrid"]
    assert second.serial == 2
    assert second.code != first.code
    assert (await school.world.verbs())[-2:] == ["certificate.superseded", "certificate.issued"]


@pytest.mark.spec("M6")
@pytest.mark.parametrize("by", OTHERS)
async def test_nobody_else_makes_or_removes_one(school: School, by: str) -> None:
    await school.complete("Lea")
    made = await school.generate()

    with pytest.raises(Denied):
        await school.generate(by=by)
    with pytest.raises((Denied, Refused)):
        await school.remove(made, by=by)
    assert await school.states() == ["ISSUED"]


@pytest.mark.spec("C2")
async def test_what_is_hidden_is_missing(
    school: School, sessions: async_sessionmaker[AsyncSession]
) -> None:
    other = await School.open(await World.new(sessions, "other"))
    await other.complete("Lea")
    foreign = await other.generate()
    await school.complete("Lea")
    made = await school.generate()

    assert await code_of(school, by="Nils") is Code.NOT_FOUND
    school.world.members["Stranger"] = other.world.members["Lea"]
    assert await code_of(school, "Stranger") is Code.NOT_FOUND
    for certificate, by in ((foreign, "Cora"), (foreign, "Mo"), (made, "Nils"), (made, "Edda")):
        with pytest.raises(Refused) as refused:
            await school.remove(certificate, by=by)
        assert refused.value.code is Code.NOT_FOUND


@pytest.mark.spec("M7")
@pytest.mark.parametrize("by", HANDLING)
async def test_a_removed_certificate_stays_as_revoked_with_the_reason(
    school: School, by: str
) -> None:
    await school.complete("Lea")
    made = await school.generate()

    await school.remove(made, by=by, at=MONDAY + DAY)

    [row] = await school.certificates()
    assert row.state is CertificateState.REVOKED
    assert row.reason == REASON
    assert row.ended_at == MONDAY + DAY
    assert row.ended_by_id == school.world.members[by]
    assert (await school.world.verbs())[-1] == "certificate.revoked"


@pytest.mark.spec("M7")
@pytest.mark.parametrize("reason", ["", "   ", "\n"])
async def test_without_a_reason_nothing_is_removed(school: School, reason: str) -> None:
    await school.complete("Lea")
    made = await school.generate()

    with pytest.raises(Refused):
        await school.remove(made, reason=reason)
    assert await school.states() == ["ISSUED"]


@pytest.mark.spec("M7")
async def test_only_what_holds_can_be_removed(school: School) -> None:
    await school.complete("Lea")
    first = await school.generate()
    second = await school.generate()
    await school.remove(second)

    for each in (first, second):
        with pytest.raises(Refused) as refused:
            await school.remove(each)
        assert refused.value.code is Code.CERTIFICATE_ENDED
    assert await school.states() == ["SUPERSEDED", "REVOKED"]


@pytest.mark.spec("M7")
async def test_the_newest_can_be_named_by_course_and_person(school: School) -> None:
    await school.complete("Lea")
    await school.generate()
    await school.generate()

    async with school.world.edge.transaction() as db:
        removed = await issuing.remove_of(
            db,
            by=school.who("Cora"),
            course_id=school.course_id,
            member_id=school.world.members["Lea"],
            reason=REASON,
            at=MONDAY,
        )

    assert removed.serial == 2
    assert await school.states() == ["SUPERSEDED", "REVOKED"]


@pytest.mark.spec("M38")
async def test_nobody_certifies_themself_or_removes_their_own(school: School) -> None:
    await school.world.enrol("Selling", "Cora", "Ingrid")
    await school.complete("Cora", "Ingrid")
    made = await school.generate("Cora", by="Ingrid")

    assert await code_of(school, "Cora", by="Cora") is Code.SELF_ACTION
    assert await code_of(school, "Ingrid", by="Ingrid") is Code.SELF_ACTION
    with pytest.raises(Refused) as refused:
        await school.remove(made, by="Cora")
    assert refused.value.code is Code.SELF_ACTION
    assert await school.states() == ["ISSUED"]


@pytest.mark.spec("M38")
async def test_a_workspace_may_allow_it(school: School) -> None:
    async with school.world.edge.transaction() as db:
        await db.execute(text("UPDATE workspace SET allows_self_action = true"))
    await school.world.enrol("Selling", "Cora")
    await school.complete("Cora")

    made = await school.generate("Cora", by="Cora")
    await school.remove(made, by="Cora")

    assert await school.states() == ["REVOKED"]


@pytest.mark.spec("M39")
async def test_what_a_coordinator_completes_is_certified_like_any_other(school: School) -> None:
    await school.world.enrol("Selling", "Cora")
    await school.complete("Cora")

    assert (await school.generate("Cora", by="Ingrid")).printed["learnerName"] == "Cora"


@pytest.mark.spec("H4")
async def test_a_course_that_certifies_completion_does_so_by_itself_and_once(
    school: School,
) -> None:
    await school.set(certifies_completion=True)

    await school.complete("Lea", "Kim", by="Cora")
    async with school.world.edge.transaction() as db:
        again = await issuing.issue_on_completion(
            db,
            by=school.world.system,
            course_id=school.course_id,
            member_ids=[school.world.members[name] for name in ("Lea", "Kim", "Nils")],
            at=MONDAY,
        )

    assert again == ()
    assert [each.serial for each in await school.certificates()] == [1, 2]
    assert {each.issued_by_id for each in await school.certificates()} == {None}


@pytest.mark.spec("H4")
async def test_what_was_revoked_is_not_certified_again_by_itself(school: School) -> None:
    await school.set(certifies_completion=True, certificate_days=30)
    await school.complete("Lea")
    [made] = await school.certificates()
    await school.remove(made)

    async with school.world.edge.transaction() as db:
        again = await issuing.issue_on_completion(
            db,
            by=school.world.system,
            course_id=school.course_id,
            member_ids=[school.world.members["Lea"]],
            at=MONDAY,
        )

    assert again == ()
    assert await school.states() == ["REVOKED"]


@pytest.mark.spec("H4", "M6")
@pytest.mark.parametrize("days", [None, 30])
async def test_completing_anew_renews_only_what_would_expire(
    school: School, days: int | None
) -> None:
    await school.set(certifies_completion=True, certificate_days=days)
    await school.complete("Lea")
    await school.reset("Lea")

    await school.complete("Lea", at=MONDAY + DAY)

    assert await school.states() == (["ISSUED"] if days is None else ["SUPERSEDED", "ISSUED"])


@pytest.mark.spec("M5")
@pytest.mark.parametrize("removing", [False, True])
async def test_certificates_survive_a_reset_unless_they_are_to_be_removed(
    school: School, removing: bool
) -> None:
    await school.complete("Lea")
    await school.generate()

    await school.reset("Lea", removing=removing)

    assert await school.states() == ["REVOKED" if removing else "ISSUED"]
    assert await code_of(school) is Code.NOT_COMPLETED


@pytest.mark.spec("H4")
async def test_it_is_valid_through_the_last_day_in_the_time_zone_of_the_workspace(
    school: School,
) -> None:
    """Stockholm: an hour ahead in March, two from the 29th on."""
    await school.set(certificate_days=30)
    await school.complete("Lea")

    made = await school.generate()

    end = dt.datetime(2026, 4, 1, 22, tzinfo=dt.UTC)
    assert made.expires_at == end
    assert made.printed["expiresOn"] == "April 1, 2026"
    assert reading.state_at(made, end - dt.timedelta(seconds=1)) is CertificateState.ISSUED
    assert reading.state_at(made, end) is CertificateState.EXPIRED


@pytest.mark.spec("H4")
async def test_what_has_expired_is_written_down_and_told_once(school: School) -> None:
    await school.set(certificate_days=30)
    await school.complete("Lea", "Kim")
    await school.generate("Lea")
    await school.generate("Kim", at=MONDAY + 10 * DAY)
    then = MONDAY + 32 * DAY

    assert await school.expire(then) == 1
    assert await school.expire(then) == 0

    assert await school.states() == ["EXPIRED", "ISSUED"]
    assert (await school.world.verbs()).count("certificate.expired") == 1
    [lea, _] = await school.certificates()
    assert lea.ended_at == lea.expires_at


@pytest.mark.spec("H4", "M6")
async def test_one_that_has_expired_is_not_superseded_and_cannot_be_removed(
    school: School,
) -> None:
    await school.set(certificate_days=30)
    await school.complete("Lea")
    made = await school.generate()
    later = MONDAY + 60 * DAY

    with pytest.raises(Refused) as refused:
        await school.remove(made, at=later)
    assert refused.value.code is Code.CERTIFICATE_ENDED
    await school.generate(at=later)

    former, _ = await school.certificates()
    assert former.state is CertificateState.EXPIRED
    assert former.ended_at == former.expires_at
    assert former.ended_by_id is None


@pytest.mark.spec("H4")
async def test_the_person_is_written_to_with_the_code(school: School) -> None:
    await school.set(certificate_days=30)
    await school.complete("Lea", "Kim")
    async with school.world.edge.transaction() as db:
        await db.execute(text("UPDATE member SET email = NULL WHERE display_name = 'Kim'"))

    made = await school.generate("Lea")
    await school.generate("Kim")

    [mail] = await school.mails()
    assert mail.recipients == ["lea@acme.example"]
    assert mail.parameters == {
        "name": "Lea",
        "learner": "Lea",
        "course": "Selling",
        "serial": "ACME-000001",
        "issued_on": "2026-03-02",
        "expires_on": "2026-04-01",
        "code": made.code,
    }


async def test_whoever_has_left_can_be_certified_and_is_not_written_to(school: School) -> None:
    await school.complete("Lea")
    await school.world.set_state("Lea", MemberState.DEACTIVATED)

    await school.generate("Lea")

    assert await school.mails() == []
    assert await school.states() == ["ISSUED"]


async def test_the_journal_does_not_know_the_code(school: School) -> None:
    await school.complete("Lea")
    made = await school.generate()

    async with school.world.edge.read() as db:
        told = await db.scalars(text("SELECT journal_entry::text FROM journal_entry"))
        assert not [each for each in told if made.code in each]


async def test_what_was_printed_does_not_follow_the_names_of_today(school: School) -> None:
    await school.complete("Lea")
    await school.generate()

    await school.world.change("Lea", displayName="Lea Newname")
    await school.set(title="Buying")

    [row] = await school.certificates()
    assert row.printed["learnerName"] == "Lea"
    assert row.printed["courseTitle"] == "Selling"


async def test_the_score_of_the_course_is_printed(school: School) -> None:
    await school.complete("Lea")
    async with school.world.edge.transaction() as db:
        await db.execute(text("UPDATE progress SET percent = :p"), {"p": Decimal("87.5")})

    assert (await school.generate()).printed["score"] == "87.5%"


@pytest.mark.spec("H4")
@pytest.mark.parametrize("count", [1, 40])
async def test_many_people_cost_the_statements_of_one(
    school: School, statements: list[str], count: int
) -> None:
    await school.set(certifies_completion=True)
    names = [f"Person {number}" for number in range(count)]
    for name in names:
        await school.world.member(name, emails=[f"{name.replace(' ', '')}@acme.example"])
    await school.world.enrol("Selling", *names)
    statements.clear()

    async with school.world.edge.transaction() as db:
        await attempts.complete(
            db,
            by=school.world.system,
            course_id=school.course_id,
            member_ids=[school.world.members[name] for name in names],
            origin=AttemptOrigin.MANUAL,
            at=MONDAY,
        )

    ours = [each for each in statements if any(word in each for word in OURS)]
    assert len(ours) == 6, ours
    assert len(await school.certificates()) == len(await school.mails()) == count
    assert [each.serial for each in await school.certificates()] == list(range(1, count + 1))
