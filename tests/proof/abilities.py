"""What `viewer.can` must say, of everything one can ask it about, by the table alone."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from tests.proof import table, town_learning
from tests.proof.probing import EVERYWHERE, REACH
from tests.proof.table import (
    ACTIVE,
    MINE,
    MY_GROUP,
    NO_FINANCE,
    SCOPES,
    SELF,
    USABLE,
    WITHIN,
    asked_of,
)
from tests.proof.town import ABROAD, OWN, TWIN, Town

CAN: Final = """query ($operations: [Permission!]!, $on: [ID!]) { viewer {
  can(operations: $operations, on: $on) { operation on isAllowed reason sourcePrincipal } } }"""


@dataclass(frozen=True)
class Thing:
    """Something a person of the town can ask about.

    `reach`: on which scopes a role of theirs must be held to be held here. `facts` are true of it
    whoever asks; `maker` made it; `group_maker` did, where it is a learner group.
    """

    name: str
    id: str
    scope: str
    reach: frozenset[str]
    facts: frozenset[str] = frozenset()
    maker: str = ""
    group_maker: str = ""
    is_seen_by: frozenset[str] = frozenset(table.PEOPLE)
    is_person: bool = False

    def facts_for(self, principal: str) -> frozenset[str]:
        found = self.facts | ({MINE} if principal == self.maker else set())
        found |= {MY_GROUP} if principal == self.group_maker else set()
        held_on = table.HELD_ON[principal]
        is_around = SCOPES.index(held_on) <= SCOPES.index(self.scope)
        if held_on in self.reach and is_around and self.scope != "workspace":
            found |= {WITHIN}
        return found if self.is_person else found | {SELF}

    def expects(self, operation: str, principal: str) -> bool:
        """Whether the principal may do this to it. What one cannot see is not there."""
        if SCOPES.index(asked_of(operation)) > SCOPES.index(self.scope):
            return False
        if principal not in self.is_seen_by:
            return False
        is_here = table.HELD_ON[principal] in self.reach
        return table.allows(
            operation, principal, is_held_here=is_here, facts=self.facts_for(principal)
        )


def seeing(operation: str, reach: frozenset[str], *facts: str) -> frozenset[str]:
    """Who may do this here: those who see what hangs on it."""
    return frozenset(
        each
        for each in table.PEOPLE
        if table.allows(
            operation,
            each,
            is_held_here=table.HELD_ON[each] in reach,
            facts=frozenset(facts),
        )
    )


IN_SALES: Final = frozenset({"workspace", "department"})
WORKSPACE_ONLY: Final = frozenset({"workspace"})
LOOKERS: Final = seeing("list_all_members", EVERYWHERE) | seeing(
    "search_members_picker", EVERYWHERE
)


def things(town: Town) -> Iterator[Thing]:
    """What can be asked about without being a person."""
    here, none = town.here, frozenset[str]()
    yield Thing("the workspace", here.id("Workspace", here.world.slug), "workspace", EVERYWHERE)
    for name, place in (("Sales", OWN), ("Legal", TWIN), ("Sales", ABROAD)):
        id = town.id("Department", place, name)
        seen = _course_seers(REACH[place])
        yield Thing(f"{place} department", id, "department", REACH[place], is_seen_by=seen)
    for name, place, reach, facts in (
        ("Selling", OWN, EVERYWHERE, {ACTIVE}),
        ("Archive", OWN, EVERYWHERE, none),
        ("Made", OWN, IN_SALES, {ACTIVE}),
        ("Law", TWIN, WORKSPACE_ONLY, {ACTIVE}),
        ("Selling", ABROAD, none, {ACTIVE}),
    ):
        yield Thing(
            f"course {name} {place}",
            town.id("Course", place, name),
            "course",
            reach,
            frozenset(facts),
            maker="dept_create" if name == "Made" else "",
            is_seen_by=_course_seers(reach),
        )
    yield from groups(town)
    for name in ("Open 0", "Closed 0"):
        facts_of = {USABLE} if name == "Open 0" else set()
        yield Thing(
            f"segment {name}",
            here.id("Segment", name),
            "workspace",
            EVERYWHERE,
            frozenset(facts_of),
            is_seen_by=seeing("search_segments_typeahead", EVERYWHERE, *facts_of),
        )


def groups(town: Town) -> Iterator[Thing]:
    """Learner groups of either course: what is asked of a course, inside one that somebody made."""
    for name, place, maker in (
        *((town_learning.group_of(each), OWN, each) for each in ("instructor", "course_enroll")),
        (town_learning.SHARED, OWN, ""),
        (town_learning.LAW, TWIN, "workspace_manager"),
    ):
        reach = REACH[place]
        yield Thing(
            f"group {name}",
            town.here.id("LearnerGroup", name),
            "course",
            reach,
            frozenset({ACTIVE}),
            group_maker=maker,
            is_seen_by=_course_seers(reach),
        )


def _course_seers(reach: frozenset[str]) -> frozenset[str]:
    return seeing("view_course_info", reach)


def people(town: Town, principal: str) -> Iterator[Thing]:
    """Oneself, and somebody else."""
    for name in (principal, "Lou"):
        is_self = name == principal
        yield Thing(
            "oneself" if is_self else "somebody else",
            town.person(name),
            "workspace",
            EVERYWHERE,
            frozenset({SELF} if is_self else ()),
            is_seen_by=LOOKERS | {principal} if is_self else LOOKERS,
            is_person=True,
        )


def abroad(town: Town) -> Thing:
    """The second workspace, seen by the people of it: it has nobody in finance."""
    city = town.abroad
    id = city.id("Workspace", city.world.slug)
    return Thing(
        "a workspace without finance", id, "workspace", EVERYWHERE, frozenset({NO_FINANCE})
    )


def elsewhere(thing: Thing) -> Thing:
    """The same, for somebody to whom it does not exist."""
    return replace(thing, is_seen_by=frozenset())
