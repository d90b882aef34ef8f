"""Why a person may do one thing to one other, or why not: every role, its origin, what it lacks."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import (
    Condition,
    Decision,
    Permission,
    Principal,
    Scope,
    holders_of,
)
from models.catalog import Course, Department, Module
from models.people import Member, MemberState
from models.workspaces import Workspace
from operations import holders, visible
from operations.holders import HeldRole, How, Thing
from operations.refusals import not_found
from operations.rights import refuse_wider, require
from operations.standing import Standing

MOST_ROLES: Final = 200
"""How many roles one answer lists; somebody may instruct thousands of courses."""

GIVEN_WITH: Final[Mapping[Scope, Permission]] = {
    Scope.WORKSPACE: Permission.GRANT_WORKSPACE_MANAGER,
    Scope.DEPARTMENT: Permission.MANAGE_DEPARTMENT_TEAM,
    Scope.COURSE: Permission.GRANT_COURSE_PERMISSION,
    Scope.MODULE: Permission.GRANT_MODULE_PERMISSION,
}
"""Whoever may give rights on such a thing may ask who holds them, and why."""

SEEN: Final[Mapping[Scope, tuple[Any, Callable[[Caller], Select[Any]]]]] = {
    Scope.WORKSPACE: (Workspace, visible.workspaces),
    Scope.DEPARTMENT: (Department, visible.departments),
    Scope.COURSE: (Course, visible.courses),
    Scope.MODULE: (Module, visible.modules),
}


class Obstacle(StrEnum):
    """Why a role that the matrix gives the permission to does not give it to this person.

    OUTSIDE_SCOPES: the token that is used is limited to other permissions.
    """

    NOT_HELD = "NOT_HELD"
    CONDITION_NOT_MET = "CONDITION_NOT_MET"
    GRANT_PENDING = "GRANT_PENDING"
    ACCOUNT_PENDING = "ACCOUNT_PENDING"
    ACCOUNT_DEACTIVATED = "ACCOUNT_DEACTIVATED"
    OUTSIDE_SCOPES = "OUTSIDE_SCOPES"


OBSTACLE_OF_STATE: Final = {
    MemberState.PENDING: Obstacle.ACCOUNT_PENDING,
    MemberState.DEACTIVATED: Obstacle.ACCOUNT_DEACTIVATED,
}


@dataclass(frozen=True, slots=True)
class Way:
    """One role that would give the permission. Nothing stands in the way of those that do."""

    principal: Principal
    condition: Condition | None
    is_condition_met: bool
    is_held: bool
    obstacles: tuple[Obstacle, ...]


@dataclass(frozen=True, slots=True)
class WhyPermission:
    """The whole answer. `roles` are those that could count, nearest first, at most 200 of
    `role_count`; `ways` are all the matrix knows, those without a condition first."""

    permission: Permission
    thing: Thing
    member_id: int
    is_allowed: bool
    summary: str
    principal: Principal | None
    condition: Condition | None
    roles: tuple[HeldRole, ...]
    role_count: int
    ways: tuple[Way, ...]


async def seen_thing(db: AsyncSession, by: Caller, scope: Scope, id: int) -> Thing:
    """What is asked about; NOT_FOUND alike when it is missing and when it is hidden."""
    kind, rows_of = SEEN[scope]
    if await db.scalar(rows_of(by).where(kind.id == id).with_only_columns(kind.id)) is not None:
        thing = await holders.thing(db, by.workspace_id, scope, id)
        if thing is not None:
            return thing
    raise not_found(scope.value)


async def require_granting(db: AsyncSession, by: Caller, scope: Scope, id: int) -> None:
    """Only who may give rights on a thing may ask about the rights of others; raises Denied."""
    await require(
        db,
        by,
        GIVEN_WITH[scope],
        department_id=id if scope is Scope.DEPARTMENT else None,
        course_id=id if scope is Scope.COURSE else None,
        module_id=id if scope is Scope.MODULE else None,
    )


async def explain_permission(
    db: AsyncSession,
    *,
    by: Caller,
    permission: Permission,
    scope: Scope,
    id: int,
    member_id: int,
    about_member_id: int | None = None,
    **facts: bool,
) -> WhyPermission:
    """Explain the present. About oneself it is open to whoever sees the thing.

    `about_member_id`: the person the thing would be done to; without one, it is asked for
    oneself. A thing or person `by` may not see is NOT_FOUND.
    """
    refuse_wider(permission, scope)
    thing = await seen_thing(db, by, scope, id)
    if by.member_id != member_id:
        await require_granting(db, by, scope, id)
    member = await db.scalar(visible.members(by).where(Member.id == member_id))
    if member is None:
        raise not_found("member")
    principals = {who for who, _ in holders_of(permission)}
    roles = await holders.roles_towards(db, by.workspace_id, thing, principals, member_id=member_id)
    facts["is_self"] = about_member_id in {None, member_id}
    question = _Question(by, permission, thing, member, tuple(roles), facts)
    return question.answer()


@dataclass(frozen=True, slots=True)
class _Question:
    by: Caller
    permission: Permission
    thing: Thing
    member: Member
    roles: tuple[HeldRole, ...]
    facts: dict[str, bool]

    def answer(self) -> WhyPermission:
        decision = self._standing(self.roles).decide(self.permission, **self.facts)
        is_allowed = decision.allowed and not self._is_beyond_token
        return WhyPermission(
            self.permission,
            self.thing,
            self.member.id,
            is_allowed,
            self._summary(decision, is_allowed=is_allowed),
            decision.principal,
            decision.condition,
            tuple(self._shown(each) for each in self.roles[:MOST_ROLES]),
            len(self.roles),
            tuple(self._way(*each) for each in holders_of(self.permission)),
        )

    @property
    def _is_beyond_token(self) -> bool:
        """A token limits the person it belongs to, and no other who is asked about."""
        limits = self.by.limited_to if self.by.member_id == self.member.id else None
        return limits is not None and self.permission not in limits

    def _standing(self, roles: Collection[HeldRole]) -> Standing:
        return holders.standing_of(self.thing, self.member.id, roles)

    def _shown(self, role: HeldRole) -> HeldRole:
        """Why someone coordinates is a right of its own, which a token can be without."""
        limits = self.by.limited_to
        if limits is None or Permission.VIEW_COORDINATOR_SOURCES in limits:
            return role
        return replace(role, segment=None)

    def _way(self, principal: Principal, condition: Condition | None) -> Way:
        held = [each for each in self.roles if each.principal is principal]
        is_met = self._is_met(condition, held)
        obstacles = []
        if not held:
            obstacles.append(Obstacle.NOT_HELD)
        elif all(each.pending_until is not None for each in held):
            obstacles.append(Obstacle.GRANT_PENDING)
        if not is_met:
            obstacles.append(Obstacle.CONDITION_NOT_MET)
        if self.member.state in OBSTACLE_OF_STATE:
            obstacles.append(OBSTACLE_OF_STATE[self.member.state])
        if self._is_beyond_token:
            obstacles.append(Obstacle.OUTSIDE_SCOPES)
        return Way(principal, condition, is_met, bool(held), tuple(obstacles))

    def _is_met(self, condition: Condition | None, held: Collection[HeldRole]) -> bool:
        """Where the role is held; where it is not, as if it were held on the thing itself."""
        is_here = not held or any(each.is_here for each in held)
        standing = self._standing(())
        known = standing.facts_here if is_here else standing.facts
        return replace(known, **self.facts).satisfy(condition)

    def _summary(self, decision: Decision, *, is_allowed: bool) -> str:
        name, asked = self.member.display_name, f"{self.permission.name} on “{self.thing.name}”"
        if is_allowed:
            return f"{name} may do {asked}: {self._because(decision)}."
        return f"{name} may not do {asked}: {self._why_not(decision)}"

    def _because(self, decision: Decision) -> str:
        counting = (each for each in self.roles if each.counts)
        role = next(each for each in counting if each.principal is decision.principal)
        bound = f", {decision.condition.clause}" if decision.condition else ""
        return f"{role.principal} of “{role.on_name}”, {_origin(self._shown(role))}{bound}"

    def _why_not(self, decision: Decision) -> str:
        if self.member.state is MemberState.DEACTIVATED:
            return "the account is deactivated."
        if self.member.state is MemberState.PENDING:
            return "there is no account yet; what was given waits for it."
        if decision.allowed:
            return "the token used is limited to other permissions."
        if decision.principal is not None:
            return decision.reason
        promised = next((each for each in self.roles if each.pending_until is not None), None)
        if promised is not None:
            return f"{promised.principal} of “{promised.on_name}” is only promised so far."
        needed = ", ".join(who for who, _ in holders_of(self.permission))
        if not needed:
            return "the matrix gives it to nobody."
        return f"it needs one of these roles, and none is held here: {needed}."


def _origin(role: HeldRole) -> str:
    by = f" by {role.by_name}" if role.by_name else ""
    match role.how:
        case How.GRANT:
            return f"granted{by} on {role.since:%Y-%m-%d}"
        case How.BY_HAND:
            return f"assigned{by} on {role.since:%Y-%m-%d}"
        case How.SEGMENT:
            return f"through the segment “{role.segment}”" if role.segment else "through a segment"
        case How.KEPT:
            return f"kept in{by} on {role.since:%Y-%m-%d}"
        case How.ENDING:
            return f"nothing gives it any more since {role.since:%Y-%m-%d}; it ends soon"
        case How.ENROLMENT:
            return f"enrolled{by} on {role.since:%Y-%m-%d}"
        case How.EVERYBODY:
            return "as every member is"
