"""`coordinator billing`: what workspaces pay, and their invoices. For the product's operator."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.options import DataDir, Workspace, ready_settings

if TYPE_CHECKING:
    from app.settings import Settings
    from operations.invoices import Settled
    from operations.money import Money

billing = typer.Typer(help="What workspaces pay, and their invoices.", no_args_is_help=True)
price = typer.Typer(help="The price of one active member and month.", no_args_is_help=True)
billing.add_typer(price, name="price")

Amount = Annotated[str, typer.Argument(help="Like 4.50, with the decimals of the currency.")]
Currency = Annotated[str, typer.Argument(help="A code of ISO 4217, like EUR.")]
Month = Annotated[
    str | None,
    typer.Option(help="Like 2026-10: nothing after it; without it up to the last month over."),
]
Issue = Annotated[
    bool, typer.Option("--issue", help="Issue them; otherwise they are only shown, and unchanged.")
]


@dataclass(frozen=True, slots=True)
class Row:
    """A month of a workspace that is, or would be, settled."""

    workspace: str
    settled: "Settled"

    def text(self, *, is_done: bool) -> str:
        it = self.settled
        counted = f"{it.active_members:,} × {it.price.text} = {it.total.text}"
        what = "no invoice" if it.total.minor == 0 else "an invoice"
        if is_done and it.number is not None:
            what = f"invoice {it.number}"
        return f"{self.workspace}  {it.month:%Y-%m}  {counted}  {what}"


@price.command("show")
def show(workspace: Workspace = None, data_dir: DataDir = None) -> None:
    """Print what one active member costs a month."""
    typer.echo(asyncio.run(_price(ready_settings(data_dir, redis=False), workspace)).text)


@price.command("set")
def change(
    amount: Amount, currency: Currency, workspace: Workspace = None, data_dir: DataDir = None
) -> None:
    """Set what one active member costs, in every month that has no invoice yet."""
    from operations.money import price_of

    given = price_of(amount, currency)
    changed = asyncio.run(_set(ready_settings(data_dir, redis=False), workspace, given))
    typer.echo(f"{given.text} for each active member and month{'' if changed else ', as before'}.")


@billing.command("invoices")
def invoices(
    month: Month = None, issue: Issue = False, workspace: Workspace = None, data_dir: DataDir = None
) -> None:
    """Show which invoices are due, of one workspace or of all; with --issue, issue them.

    Workers do so by themselves, an hour after a month is over where the workspace is. Months are
    settled in their order; one that costs nothing gets no invoice.
    """
    last = _month(month)
    settings = ready_settings(data_dir, redis=False)
    count = asyncio.run(_invoices(settings, workspace, last, issue=issue))
    if count == 0:
        typer.echo("No month is due.", err=True)
    elif issue:
        typer.echo(f"{count} month(s) settled.", err=True)
    else:
        typer.echo(f"{count} month(s) due. Nothing was changed; --issue does it.", err=True)


async def _price(settings: "Settings", workspace: str | None) -> "Money":
    from app.cli.edge import acting_in
    from operations import billing as operations

    async with acting_in(settings, workspace) as reached:
        return operations.price_in(await operations.view(reached.db, by=reached.by))


async def _set(settings: "Settings", workspace: str | None, given: "Money") -> bool:
    from app.cli.edge import acting_in
    from operations import billing as operations

    async with acting_in(settings, workspace) as reached:
        return await operations.set_price(
            reached.db, by=reached.by, price=given, at=dt.datetime.now(dt.UTC)
        )


async def _invoices(
    settings: "Settings", workspace: str | None, last: dt.date | None, *, issue: bool
) -> int:
    from app.cli.edge import workspaces_meant

    count = 0
    for slug in await workspaces_meant(settings, workspace):
        rows = _settled(settings, slug, last) if issue else _foreseen(settings, slug, last)
        async for row in rows:
            typer.echo(row.text(is_done=issue))
            count += 1
    return count


async def _foreseen(settings: "Settings", slug: str, last: dt.date | None) -> AsyncIterator[Row]:
    from app.cli.edge import acting_in
    from operations import invoices as operations

    async with acting_in(settings, slug) as reached:
        found = await operations.foreseen(
            reached.db, workspace_id=reached.by.workspace_id, at=dt.datetime.now(dt.UTC)
        )
    for each in found:
        if last is None or each.month <= last:
            yield Row(slug, each)


async def _settled(settings: "Settings", slug: str, last: dt.date | None) -> AsyncIterator[Row]:
    """One transaction for each month; whoever else settles meanwhile takes their share."""
    from app.cli.edge import acting_in
    from operations import invoices as operations

    async for _ in _foreseen(settings, slug, last):
        async with acting_in(settings, slug) as reached:
            settled = await operations.settle_month(
                reached.db, by=reached.by, at=dt.datetime.now(dt.UTC)
            )
        if settled is not None:
            yield Row(slug, settled)


def _month(text: str | None) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.datetime.strptime(text, "%Y-%m").replace(tzinfo=dt.UTC).date()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no month; write it like 2026-10.") from None
