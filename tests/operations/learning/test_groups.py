"""Learner groups: who makes, changes and removes them, who looks after them, what follows."""

import pytest

from access.permissions import Principal
from models.people import MemberState
from operations.learning import facilitators, groups
from operations.refusals import Code, Denied, Refused
from tests.furnishing import furnished
from tests.operations.learning.enrolling import (
    DAY,
    assign,
    change_group,
    due,
    facilitate,
    learners,
    remove_group,
    rows,
    unassign,
)
from tests.world import MONDAY, World


@pytest.fixture
@furnished
async def safety(world: World) -> World:
    """A course with a coordinator, somebody who may enroll, somebody who may teach, and Lea."""
    for name in ("Cora", "Enno", "Tess", "Ines", "Lea", "Leo"):
        await world.member(name)
    await world.course("Safety", coordinators_by_hand=["Cora"], instructors=["Ines"])
    await world.grant("Enno", Principal.COURSE_ENROLL, course="Safety")
    await world.grant("Tess", Principal.COURSE_TEACH, course="Safety")
    return world


@pytest.mark.spec("C13")
async def test_whoever_may_enroll_makes_groups_and_those_of_others_are_existing_ones(
    safety: World,
) -> None:
    await safety.group("Mine", course="Safety", by="Enno")
    await safety.group("Theirs", course="Safety", by="Cora")
    enno = safety.caller("Enno")

    await change_group(safety, "Mine", by=enno, is_existing=False, name="Still mine")
    with pytest.raises(Refused) as not_own:
        await change_group(safety, "Theirs", by=enno, is_existing=False, name="Stolen")
    with pytest.raises(Denied):
        await change_group(safety, "Theirs", by=enno, name="Stolen")
    with pytest.raises(Refused) as not_removed:
        await remove_group(safety, "Theirs", by=enno)
    await remove_group(safety, "Mine", by=enno)

    assert (not_own.value.code, not_removed.value.code) == (Code.EXISTING_GROUP,) * 2
    assert not_own.value.details == {"instead": ["modifyExistingGroup"]}
    verbs = [each for each in await safety.verbs() if each.startswith("group.")]
    assert verbs == ["group.created", "group.created", "group.edited", "group.removed"]


@pytest.mark.spec("C13", "C9")
async def test_department_enroll_changes_groups_of_anybody(safety: World) -> None:
    await safety.member("Dora")
    await safety.grant("Dora", Principal.DEPT_ENROLL, department="Training")
    await safety.group("Theirs", course="Safety", by="Cora")
    dora = safety.caller("Dora")

    await assign(safety, "Safety", "Lea", group="Theirs", by=dora)
    await change_group(safety, "Theirs", by=dora, name="Ours")
    await unassign(safety, "Safety", "Lea", group="Theirs", by=dora)
    await remove_group(safety, "Theirs", by=dora)

    assert await learners(safety, "Safety") == set()


async def test_who_may_not_see_the_course_finds_no_group_of_it(safety: World) -> None:
    await safety.group("Spring", course="Safety")
    stranger = safety.caller("Lea")

    for do in (remove_group, change_group):
        with pytest.raises(Refused) as hidden:
            await do(safety, "Spring", by=stranger)
        assert (hidden.value.code, hidden.value.message) == (
            Code.NOT_FOUND,
            "There is no such group.",
        )


async def test_a_name_is_had_by_one_group_of_a_course_and_free_when_that_is_removed(
    safety: World,
) -> None:
    await safety.course("Law")
    await safety.group("Spring", course="Safety")
    await safety.group("Autumn", course="Safety")

    with pytest.raises(Refused) as again:
        await safety.group("SPRING", course="Safety")
    with pytest.raises(Refused) as renamed:
        await change_group(safety, "Autumn", name="spring")
    await remove_group(safety, "Spring")
    await change_group(safety, "Autumn", name="spring")
    await safety.group("Spring", course="Law")

    assert (again.value.code, renamed.value.code) == (Code.NAME_TAKEN,) * 2


@pytest.mark.spec("C21")
async def test_removing_a_group_ends_its_reasons_alone_and_all_of_them(safety: World) -> None:
    await safety.group("Spring", course="Safety", due_at=MONDAY + DAY)
    await safety.group("Autumn", course="Safety", due_at=MONDAY + 2 * DAY)
    await safety.enrol("Safety", "Lea", "Leo", group="Spring")
    await safety.enrol("Safety", "Leo", group="Autumn")

    await remove_group(safety, "Spring")

    assert await learners(safety, "Safety") == {"Leo"}
    assert await due(safety, "Safety") == {"Leo": MONDAY + 2 * DAY}
    assert [each[2:] for each in await rows(safety, "Safety")] == [
        ("Spring", False),
        ("Spring", False),
        ("Autumn", True),
    ]
    assert (await safety.verbs()).count("learner.unassigned") == 2
    with pytest.raises(Refused) as gone:
        await assign(safety, "Safety", "Lea", group="Spring")
    assert gone.value.code is Code.NOT_FOUND


@pytest.mark.spec("H6", "M8")
async def test_a_group_s_date_that_is_over_has_to_be_meant(safety: World) -> None:
    with pytest.raises(Refused) as made:
        async with safety.edge.transaction() as db:
            await groups.create(
                db,
                by=safety.system,
                course_id=safety.courses["Safety"],
                name="Late",
                due_at=MONDAY - DAY,
                at=MONDAY,
            )
    await safety.group("Late", course="Safety", due_at=MONDAY - DAY)
    async with safety.edge.transaction() as db:
        await groups.modify(
            db,
            by=safety.system,
            group_id=safety.groups["Late"],
            changes={"name": "Later", "due_at": MONDAY - DAY},
            is_existing=True,
            at=MONDAY,
        )

    assert made.value.code is Code.DUE_DATE_IN_PAST, "and one that stays as it was is not asked"


@pytest.mark.spec("H6")
async def test_only_those_who_may_teach_look_after_a_group(safety: World) -> None:
    for name, principal in (("Dora", Principal.DEPT_TEACH), ("Max", Principal.DEPARTMENT_MANAGER)):
        await safety.member(name)
        await safety.grant(name, principal, department="Training")
    await safety.member("Pia", state=MemberState.PENDING)
    await safety.grant("Pia", Principal.COURSE_TEACH, course="Safety")
    await safety.group("Spring", course="Safety")

    named = await facilitate(safety, "Spring", "Tess", "Ines", "Dora", "Max")
    again = await facilitate(safety, "Spring", "Tess")
    with pytest.raises(Refused) as refused:
        await facilitate(safety, "Spring", "Tess", "Cora", "Lea", "Pia")

    assert (set(named), again) == ({"Tess", "Ines", "Dora", "Max"}, ())
    assert refused.value.code is Code.NOT_A_TEACHER
    others = {safety.members[each] for each in ("Cora", "Lea", "Pia")}
    assert set(refused.value.details["memberIds"]) == others


@pytest.mark.spec("H6", "C9")
async def test_a_coordinator_names_no_facilitators_and_an_instructor_does(safety: World) -> None:
    await safety.group("Spring", course="Safety", by="Cora")

    with pytest.raises(Denied):
        await facilitate(safety, "Spring", "Tess", by=safety.caller("Cora"))
    await facilitate(safety, "Spring", "Tess", by=safety.caller("Ines"))
    async with safety.edge.transaction() as db:
        ines, spring, tess = safety.caller("Ines"), safety.groups["Spring"], safety.members["Tess"]
        removed = await facilitators.remove(db, by=ines, group_id=spring, member_ids=[tess])
        again = await facilitators.remove(db, by=ines, group_id=spring, member_ids=[tess])

    assert (removed, again) == ((safety.members["Tess"],), ())
    verbs = [each for each in await safety.verbs() if each.startswith("facilitator.")]
    assert verbs == ["facilitator.enrolled", "facilitator.removed"]


async def test_a_group_changes_only_what_is_said(safety: World) -> None:
    await safety.group("Spring", course="Safety", due_at=MONDAY + DAY, allows_self_enrolment=True)
    before = await safety.verbs()

    await change_group(safety, "Spring", name="Spring")
    await change_group(safety, "Spring", due_at=MONDAY + DAY)

    assert await safety.verbs() == before
