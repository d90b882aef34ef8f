"""Adding people, and what adding would do."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from access.caller import Caller
from access.permissions import Scope
from models.billing import BillingAccount
from operations import billing, newcomers
from operations.money import Money
from operations.newcomers import Newcomer, Outcome, Preview, Result
from operations.refusals import Code, Refused
from resolvers.answers import Answer, PlainRefusal, Values, answer
from resolvers.context import Context
from resolvers.references import Reference, refer

Info = strawberry.Info[Context, None]
Parent = strawberry.Parent[Any]

refer(Preview, lambda _, caller: Reference(Scope.WORKSPACE, caller.workspace_id))


@dataclass
class PersonToAdd:
    """One person of a call, as a client says it."""

    email: str | None = None
    user_name: str | None = None
    display_name: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    attributes: strawberry.scalars.JSON | None = None

    def newcomer(self, index: int) -> Newcomer:
        """Raises Refused for attributes that are no object."""
        attributes: object = {} if self.attributes is None else self.attributes
        if not isinstance(attributes, dict):
            raise Refused(
                Code.BAD_USER_INPUT,
                f"The attributes of person {index} are no object of names and values.",
            )
        return Newcomer(
            email=self.email,
            user_name=self.user_name,
            display_name=self.display_name,
            given_name=self.given_name,
            family_name=self.family_name,
            attributes=attributes,
        )


@dataclass(frozen=True, slots=True)
class AddedPerson:
    """What became of one person of a call."""

    index: int
    outcome: Outcome
    member_id: int | None
    refusal: PlainRefusal | None


async def add_member(
    info: Info,
    *,
    people: list[PersonToAdd],
    dry_run: bool = False,
    client_mutation_id: str | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    async def operation(db: AsyncSession, caller: Caller) -> Values:
        results = await newcomers.add(db, by=caller, newcomers=_said(people), dry_run=dry_run)
        return {"results": [_stored(each) for each in results]}

    return await answer(info, operation)


async def invite_preview(
    info: Info, *, count: int | None = None, people: list[PersonToAdd] | None = None
) -> Preview:
    said = None if people is None else _said(people)
    async with info.context.read() as db:
        return await newcomers.preview(
            db,
            by=info.context.signed_in,
            count=count,
            newcomers=said,
            at=dt.datetime.now(dt.UTC),
        )


async def possibly_billed_now(root: Parent, info: Info) -> Money:
    return await _billed(info, root.possibly_active_now)


async def possibly_billed_after(root: Parent, info: Info) -> Money:
    return await _billed(info, root.possibly_active_after)


async def _billed(info: Info, active_members: int) -> Money:
    account = await info.context.load(accounts, info.context.signed_in.workspace_id)
    return billing.price_in(account).times(active_members)


async def accounts(
    db: AsyncSession, _: Context, workspace_ids: Sequence[int]
) -> list[BillingAccount]:
    return [await billing.account_of(db, workspace_id=id) for id in workspace_ids]


def results(root: Parent) -> list[AddedPerson]:
    return [_shown(each) for each in root.results]


def _said(people: Sequence[PersonToAdd]) -> list[Newcomer]:
    return [each.newcomer(index) for index, each in enumerate(people)]


def _stored(result: Result) -> dict[str, Any]:
    """JSON-safe: a repeat with the same idempotency key is told the same."""
    kept: dict[str, Any] = {
        "index": result.index,
        "outcome": result.outcome.value,
        "member_id": result.member_id,
    }
    if result.refusal is not None:
        kept["refusal"] = {
            "code": result.refusal.code.value,
            "message": result.refusal.message,
            "details": result.refusal.details,
        }
    return kept


def _shown(kept: Mapping[str, Any]) -> AddedPerson:
    index, refusal = kept["index"], kept.get("refusal")
    return AddedPerson(
        index,
        Outcome(kept["outcome"]),
        kept["member_id"],
        None if refusal is None else _refusal(index, refusal),
    )


def _refusal(index: int, kept: Mapping[str, Any]) -> PlainRefusal:
    details = dict(kept["details"])
    about = details.pop("field", None)
    path = ["people", str(index)] + ([about] if about else [])
    return PlainRefusal(Code(kept["code"]), kept["message"], path, details)
