"""The operations on learners, learner groups and due dates."""

import datetime as dt
from typing import Any, Final

from tests.proof import table
from tests.proof.probing import OF_A_SCOPE, Case, Probe, case, mutation, of_course
from tests.proof.table import MY_GROUP, WITHIN
from tests.proof.town import TWIN, Town
from tests.proof.town_learning import LAW, SHARED, group_of, pupil_of

IN_MY_GROUP: Final = case("own, in a group of one's own", WITHIN, MY_GROUP)
GROUP_CASES: Final = (*OF_A_SCOPE, IN_MY_GROUP)
COURSE_TO_LEAVE: Final = "Archive"


def _person(who: str) -> str:
    return who if who in table.PEOPLE else "learner"


def _own_group(town: Town, who: str, case: Case) -> str:
    """The group the asker has made; of Law the one there is."""
    name = LAW if case.place == TWIN else group_of(_person(who))
    return town.city(case.place).id("LearnerGroup", name)


def _others_group(town: Town, _: str, case: Case) -> dict[str, Any]:
    name = LAW if case.place == TWIN else SHARED
    return {"group": town.city(case.place).id("LearnerGroup", name), "text": town.word()}


def _to_assign(town: Town, who: str, case: Case) -> dict[str, Any]:
    group = _own_group(town, who, case) if MY_GROUP in case.facts else None
    pupil = town.person(pupil_of(_person(who)), case.place)
    return {**of_course(town, who, case), "people": [pupil], "group": group}


def _to_unassign(town: Town, who: str, case: Case) -> dict[str, Any]:
    """Whoever was put there for the purpose: into Archive for each principal, into Law once, into
    the groups of all."""
    if MY_GROUP in case.facts:
        pupil, course, group = "learner", "Selling", _own_group(town, who, case)
    else:
        pupil, course, group = _person(who), COURSE_TO_LEAVE, None
    if case.place == TWIN:
        pupil, course = "finance_manager", "Law"
    return {
        "course": town.id("Course", case.place, course),
        "people": [town.person(pupil_of(pupil), case.place)],
        "group": group,
    }


def _to_redate(town: Town, who: str, case: Case) -> dict[str, Any]:
    """A date nobody was given before."""
    person = town.person("Lou" if case.place == TWIN else "learner", case.place)
    date = dt.datetime.now(dt.UTC) + dt.timedelta(days=30, hours=town.turn())
    return {**of_course(town, who, case), "people": [person], "date": date.isoformat()}


def _to_facilitate(town: Town, who: str, case: Case) -> dict[str, Any]:
    teacher = town.person("Ivy" if case.place == TWIN else "course_teach", case.place)
    return {"group": _own_group(town, who, case), "people": [teacher]}


OF_LEARNING: Final = (
    Probe(
        "assign_learner",
        mutation(
            "assignLearner",
            "$course: ID!, $people: [ID!]!, $group: ID",
            "courseId: $course, memberIds: $people, groupId: $group",
        ),
        _to_assign,
        cases=GROUP_CASES,
        changes="learner.assigned",
    ),
    Probe(
        "assign_learner",
        "query ($course: ID!, $group: ID) { candidates(courseId: $course, groupId: $group) {"
        " nodes { outcome } } }",
        _to_assign,
        cases=GROUP_CASES,
    ),
    Probe(
        "unassign_learner",
        mutation(
            "unassignLearner",
            "$course: ID!, $people: [ID!]!, $group: ID",
            "courseId: $course, memberIds: $people, groupId: $group",
        ),
        _to_unassign,
        cases=GROUP_CASES,
        changes="learner.unassigned",
    ),
    Probe(
        "create_group",
        mutation("createGroup", "$course: ID!, $name: String!", "courseId: $course, name: $name"),
        lambda town, who, case: {**of_course(town, who, case), "name": town.word()},
        changes="group.created",
    ),
    Probe(
        "modify_own_group",
        mutation("modifyOwnGroup", "$group: ID!, $text: String!", "groupId: $group, name: $text"),
        lambda town, who, case: {"group": _own_group(town, who, case), "text": town.word()},
        changes="group.edited",
    ),
    Probe(
        "modify_existing_group",
        mutation(
            "modifyExistingGroup", "$group: ID!, $text: String!", "groupId: $group, name: $text"
        ),
        _others_group,
        changes="group.edited",
    ),
    Probe(
        "enroll_facilitator",
        mutation(
            "enrollFacilitator",
            "$group: ID!, $people: [ID!]!",
            "groupId: $group, memberIds: $people",
        ),
        _to_facilitate,
        changes="facilitator.enrolled",
    ),
    Probe(
        "update_due_date",
        mutation(
            "updateDueDate",
            "$course: ID!, $people: [ID!]!, $date: DateTime!",
            "courseId: $course, memberIds: $people, dueAt: $date",
        ),
        _to_redate,
        changes="due_date.changed",
    ),
)
