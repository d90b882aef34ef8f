"""`coordinator mail`: the mails in the folder that stands in for a mail server."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.cli.options import DataDir, settings_from

To = Annotated[str | None, typer.Option("--to", help="Show what was written to this address.")]


def mail(to: To = None, data_dir: DataDir = None) -> None:
    """List the mails that were written to files, because no SMTP server is set; with --to, print
    the newest one to an address.
    """
    settings = settings_from(data_dir)
    found = [_read(file) for file in sorted(settings.mail_directory.glob("*.eml"))]
    if to is None:
        _list(found)
        return
    wanted = [each for each in found if to.lower() in str(each["To"]).lower()]
    if not wanted:
        raise typer.BadParameter(f"There is no mail to {to} in {settings.mail_directory}.")
    typer.echo(_text_of(wanted[-1]))


def _read(file: Path) -> EmailMessage:
    return message_from_bytes(file.read_bytes(), policy=policy.default)


def _list(found: list[EmailMessage]) -> None:
    table = Table("At", "To", "Subject", box=None)
    for each in found:
        table.add_row(str(each["Date"]), str(each["To"]), str(each["Subject"]))
    Console(width=160, markup=False, highlight=False).print(table)


def _text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    text: str = body.get_content() if body is not None else ""
    return f"Subject: {message['Subject']}\n\n{text}"
