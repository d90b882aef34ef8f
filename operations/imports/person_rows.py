"""Rows about people: who is not there yet is added, of the others is changed what is said of them.

What may be said of whom is as everywhere: newcomers as `newcomers.add` takes them, of others
what `members.change_attributes` would write. It is asked row by row, so that one row that asks
for more than its bringer may keeps no other out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Permission, Scope
from models.jobs import ImportOutcome
from models.people import Member, MemberState
from operations import members, people
from operations.addresses import address_of
from operations.imports.cells import value_of
from operations.imports.differing import EMAILS, Person, changes_of, says_the_same
from operations.imports.outcomes import (
    Batch,
    Found,
    Repeats,
    Tried,
    by_field,
    cells_of,
    found,
    refused,
)
from operations.imports.planning import WORDS, Column, Field, Plan, Said
from operations.newcomers import FEW, Newcomer, candidate_of, refuse_description
from operations.refusals import Code, Denied, Refused
from operations.rights import Rights, require
from operations.wording import name_of
from sync_engine.markers import Lane
from sync_engine.rules import Catalog


@dataclass(frozen=True, slots=True)
class _May:
    """What whoever brings the file may do beyond adding people."""

    describe: bool
    list: bool

    @classmethod
    async def of(cls, db: AsyncSession, by: Caller) -> "_May":
        rights = Rights(by)
        await rights.prepare(db)
        return cls(
            *(
                rights.decide(each, Scope.WORKSPACE, by.workspace_id).allowed
                for each in (Permission.EDIT_ATTRIBUTE_SCHEMA, Permission.LIST_ALL_MEMBERS)
            )
        )


@dataclass(slots=True)
class _Work:
    """What is to be written, and what became of each row so far."""

    catalog: Catalog
    may: _May
    tried: dict[int, Tried] = field(default_factory=dict)
    new: dict[int, members.Entry] = field(default_factory=dict)
    changes: dict[Member, Mapping[str, object]] = field(default_factory=dict)


async def attempt(db: AsyncSession, batch: Batch) -> list[Tried]:
    """What became of each row. Raises Denied."""
    await require(db, batch.by, Permission.ADD_MEMBER)
    catalog = await people.catalog_of(db, batch.by.workspace_id)
    work = _Work(catalog, await _May.of(db, batch.by))
    persons = list(_read(batch, work))
    if persons:
        await _sort_out(db, batch, work, persons)
    if not batch.dry_run:
        await _write(db, batch, work)
    return [work.tried[each.line] for each in batch.rows]


def _read(batch: Batch, work: _Work) -> Iterator[Person]:
    for row in batch.rows:
        try:
            yield _person(batch.plan, row, work)
        except (Refused, Denied) as problem:
            work.tried[row.line] = refused(row.line, problem)


def _person(plan: Plan, row: Said, work: _Work) -> Person:
    """Raises Refused; Denied where whoever may only add people says what can decide roles."""
    cells = cells_of(plan, row)
    said = by_field(cells)
    described = {each: cell for each, cell in cells.items() if each.attribute is not None}
    newcomer = Newcomer(
        said.get(Field.EMAIL),
        said.get(Field.USER_NAME),
        said.get(Field.DISPLAY_NAME),
        said.get(Field.GIVEN_NAME),
        said.get(Field.FAMILY_NAME),
        {each.attribute or "": cell for each, cell in described.items()},
    )
    if not work.may.describe:
        refuse_description(newcomer)
    values = {
        each.attribute or "": value_of(work.catalog[each.attribute or ""], each.title, cell)
        for each, cell in described.items()
    }
    address = _address(cells, values)
    name = said.get(Field.USER_NAME)
    if name is None and address is None:
        titles = " or ".join(f"“{WORDS[each][0]}”" for each in (Field.USER_NAME, Field.EMAIL))
        raise Refused(Code.BAD_USER_INPUT, f"This row does not say who is meant; fill in {titles}.")
    return Person(
        line=row.line,
        newcomer=replace(newcomer, email=address, attributes=values),
        cells={each.attribute or "": cell for each, cell in described.items()},
        user_name=None if name is None else name_of(name, "user name"),
        address=address,
    )


def _address(cells: Mapping[Column, str], values: Mapping[str, Any]) -> str | None:
    for column, cell in cells.items():
        if column.field is Field.EMAIL:
            try:
                return address_of(cell)
            except Refused as problem:
                raise Refused(problem.code, f"{column.title}: {problem.message}") from None
    return people.email_of({EMAILS: values.get(EMAILS)})


async def _sort_out(db: AsyncSession, batch: Batch, work: _Work, persons: Sequence[Person]) -> None:
    """Whether each is there, and what is to be written of them."""
    asked = [(each.user_name or each.address, each.address) for each in persons]
    known = await found(db, batch.by.workspace_id, asked)
    stored = await _members(db, batch, known)
    again = known if batch.dry_run else await found(db, batch.by.workspace_id, asked)
    managed = await members.managed_among(db, stored)
    keys = {
        each.line: _keys(batch, each, [stored[id] for id in _ids(who) if id in stored])
        for each, who in zip(persons, known, strict=True)
    }
    repeats = await Repeats.before(db, batch, (key for each in keys.values() for key in each))
    for person, before, after in zip(persons, known, again, strict=True):
        claimed = keys[person.line]
        try:
            repeats.refuse(claimed)
            _refuse_moved(before, after)
            member = stored.get(before.member_id() or 0)
            tried = _decide(batch, work, person, member, is_managed=before.member_id() in managed)
        except (Refused, Denied) as problem:
            work.tried[person.line] = refused(person.line, problem)
        else:
            repeats.claim(claimed, person.line)
            work.tried[person.line] = tried._replace(keys=tuple(claimed))


def _decide(
    batch: Batch, work: _Work, person: Person, member: Member | None, *, is_managed: bool
) -> Tried:
    """What becomes of somebody who has had no row. Raises Refused, Denied."""
    if member is None:
        work.new[person.line] = _entry(person, work)
        return Tried(person.line, ImportOutcome.CREATED)
    if not work.may.describe:
        return _left_alone(work, person, member)
    changes = changes_of(person, member, work.catalog)
    if not changes:
        return Tried(person.line, ImportOutcome.UNCHANGED, member.id)
    owners = members.owners_of(changes, work.catalog)
    is_self = member.id == batch.by.member_id
    members.refuse_owners(owners, is_self=is_self, is_managed=is_managed)
    members.refuse_groups(changes)
    work.changes[member] = changes
    return Tried(person.line, ImportOutcome.UPDATED, member.id)


def _left_alone(work: _Work, person: Person, member: Member) -> Tried:
    """Whoever may only add people changes nobody; and learns what is stored only by who may list
    members. Raises Denied."""
    if work.may.list and not says_the_same(person, member):
        raise Denied(
            Permission.EDIT_ATTRIBUTE_SCHEMA,
            Scope.WORKSPACE,
            reason="This is a member already, of whom something else is stored; changing it needs "
            "EDIT_ATTRIBUTE_SCHEMA.",
        )
    return Tried(person.line, ImportOutcome.UNCHANGED, member.id)


def _entry(person: Person, work: _Work) -> members.Entry:
    """Somebody new. Raises Refused."""
    plain = {n: value for n, value in person.newcomer.attributes.items() if n != EMAILS}
    newcomer = replace(person.newcomer, attributes=plain)
    made = candidate_of(0, newcomer, work.catalog, is_trusted=work.may.describe).entry
    if EMAILS in person.newcomer.attributes:
        made = replace(made, attributes={**made.attributes, EMAILS: person.emails()})
    return made


async def _write(db: AsyncSession, batch: Batch, work: _Work) -> None:
    """A user name that somebody else takes in this moment breaks the batch off, to be tried again:
    by then it is seen."""
    lane = Lane.INTERACTIVE if len(batch.rows) <= FEW else Lane.BULK
    if work.changes:
        await people.write_attributes_of_many(
            db, by=batch.by, changes=work.changes, catalog=work.catalog, lane=lane
        )
    made = await members.insert_members(
        db,
        by=batch.by,
        entries=list(work.new.values()),
        state=MemberState.PENDING,
        catalog=work.catalog,
        lane=lane,
    )
    ids = {member.user_name: member.id for member in made}
    for line, entry in work.new.items():
        id = ids.get(name_of(entry.user_name, "user name"))
        if id is None:
            work.tried[line] = refused(line, _moved())
        else:
            work.tried[line] = work.tried[line]._replace(member_id=id)


async def _members(db: AsyncSession, batch: Batch, known: Sequence[Found]) -> dict[int, Member]:
    """Whoever may be meant; locked, where something is to be written."""
    ids = sorted({id for each in known for id in _ids(each)})
    if not batch.dry_run:
        locked = await people.lock(db, batch.by.workspace_id, ids)
        return {each.id: each for each in locked}
    rows = await db.scalars(
        select(Member)
        .where(Member.workspace_id == batch.by.workspace_id, Member.id.in_(ids))
        .execution_options(populate_existing=True)
    )
    return {each.id: each for each in rows}


def _ids(who: Found) -> Iterator[int]:
    if who.named is not None:
        yield who.named
    yield from who.reached


def _keys(batch: Batch, person: Person, stored: Sequence[Member]) -> list[str]:
    """By what the person of a row is told: what the row says, and what was stored before it. So
    somebody whose address is changed stays the same person to rows that say the old one."""
    names = [person.user_name or person.address, *(each.user_name for each in stored)]
    addresses = [person.address, *(each.email for each in stored)]
    said = {
        f"{batch.job.id} {kind} {each.casefold()}"
        for kind, texts in (("user", names), ("mail", addresses))
        for each in texts
        if each
    }
    return sorted(said)


def _refuse_moved(before: Found, after: Found) -> None:
    if before != after:
        raise _moved()


def _moved() -> Refused:
    return Refused(
        Code.CONFLICT, "Somebody else has changed this person at the same moment; bring it again."
    )
