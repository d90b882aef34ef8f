"""`coordinator segment preview`: what a change of a segment would do, before it is done."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from app.cli.options import DataDir, Workspace, ready_settings, wide_console

if TYPE_CHECKING:
    from app.settings import Settings
    from models.base import Json
    from operations.preview.previewing import SegmentPreview

_SHOWN = 50
_KINDS = (
    "create",
    "edit-rule",
    "pause",
    "resume",
    "attach",
    "detach",
    "change-mode",
    "delete",
)
_MODES = ("sync", "add-only", "remove-only", "frozen")

Change = Annotated[str, typer.Argument(metavar="CHANGE", help=f"One of {', '.join(_KINDS)}.")]
Rule = Annotated[
    str | None,
    typer.Argument(metavar="[RULE]", help="The rule as text; of create and edit-rule."),
]
Segment = Annotated[str | None, typer.Option("--segment", help="Its name, or its number.")]
Course = Annotated[str | None, typer.Option("--course", help="Its title, or its number.")]
Mode = Annotated[
    str | None, typer.Option("--mode", help=f"Of change-mode: one of {', '.join(_MODES)}.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Everything, for programs.")]
File = Annotated[
    Path | None, typer.Option("--csv", help="A file for everybody who gains or loses a course.")
]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A preview, with the names of the people in it."""

    preview: "SegmentPreview"
    names: dict[int, str]


def preview(
    change: Change,
    rule: Rule = None,
    segment: Segment = None,
    course: Course = None,
    mode: Mode = None,
    as_json: AsJson = False,
    csv: File = None,
    workspace: Workspace = None,
    data_dir: DataDir = None,
) -> None:
    """Say who would gain and who would lose which course, and what else would follow. Writes
    nothing but the file that is asked for."""
    if change not in _KINDS:
        raise typer.BadParameter(f"{change!r} is no change; say one of {', '.join(_KINDS)}.")
    if mode is not None and mode not in _MODES:
        raise typer.BadParameter(f"{mode!r} is no mode; say one of {', '.join(_MODES)}.")
    settings = ready_settings(data_dir, redis=False)
    seen = asyncio.run(_seen(settings, (change, segment, course, mode), _said(rule), workspace))
    if csv is not None:
        asyncio.run(_written(csv, seen))
    if as_json:
        typer.echo(json.dumps(_as_json(seen), ensure_ascii=False, indent=2))
    else:
        _show(seen.preview)


def _as_value(word: str) -> str:
    return word.upper().replace("-", "_")


def _said(rule: str | None) -> "str | Json | None":
    from app.cli.segment import document_of, read_rule

    return None if rule is None else document_of(read_rule(rule))


async def _seen(
    settings: "Settings",
    about: tuple[str, str | None, str | None, str | None],
    rule: "str | Json | None",
    workspace: str | None,
) -> _Seen:
    from access.caller import Origin, system
    from access.permissions import Scope
    from app.cli.edge import edge_of, number_of, segment_id, workspace_id
    from models.segments import AttachmentMode
    from operations.preview.change import SegmentChange, SegmentChangeKind
    from operations.preview.previewing import names_in
    from operations.preview.previewing import preview as look

    kind, segment, course, mode = about
    async with edge_of(settings, "preview") as edge, edge.read() as db:
        by = system(await workspace_id(db, workspace), Origin.CLI)
        here = by.workspace_id
        asked = SegmentChange(
            SegmentChangeKind(_as_value(kind)),
            None if segment is None else await segment_id(db, here, segment),
            None if course is None else await number_of(db, here, Scope.COURSE, course),
            rule,
            None if mode is None else AttachmentMode(_as_value(mode)),
        )
        found = await look(db, by=by, change=asked)
        return _Seen(found, await names_in(db, by=by, preview=found))


def _show(found: "SegmentPreview") -> None:
    console = wide_console()
    console.print(
        f"People in the segment: {found.before:,} now, {found.after:,} afterwards."
        f" Coordinator roles: {found.gain_count:,} gained, {found.loss_count:,} lost,"
        f" {found.kept_count:,} kept by something else,"
        f" {found.conflict_count:,} suppressed. Invitations: {len(found.invitations):,}."
    )
    if found.waiting:
        console.print(
            f"So many at once: {found.waiting_count:,} removals would wait until they are approved."
        )
    for name, count in found.without_value.items():
        if count:
            console.print(f"{count:,} of {found.people or 0:,} people have no {name}.")
    if found.courses:
        table = Table(
            *("Course", "Gain", "Lose", "Kept", "Suppressed", "Segments", ""),
            box=None,
            pad_edge=False,
        )
        for each in found.courses[:_SHOWN]:
            words = "left without a coordinator" if each.is_emptied else ""
            table.add_row(
                f"{each.title} ({each.course_id})",
                *(f"{len(ids):,}" for ids in (each.gains, each.losses, each.kept, each.conflicts)),
                f"{each.used} of {each.most}",
                "refused: no place left" if each.is_refused else words,
            )
        console.print(table)
        left = len(found.courses) - _SHOWN
        if left > 0:
            console.print(f"… and {left:,} more courses; --json gives all.")
    if not found.is_settled:
        console.print("The engine still has other work; look again when it is done.")


_WORDS = (("GAIN", "gains"), ("LOSE", "losses"), ("KEEP", "kept"), ("SUPPRESSED", "conflicts"))


def _rows(seen: _Seen) -> Iterator[tuple[str, int, str, int, str]]:
    """What becomes of whom on which course."""
    for each in seen.preview.courses:
        for word, name in _WORDS:
            for id in sorted(getattr(each, name)):
                yield word, each.course_id, each.title, id, seen.names.get(id, "")


async def _written(path: Path, seen: _Seen) -> None:
    from app.workbooks import Column, Kind, Sheet, write_csv

    columns = [
        Column("Change", Kind.TEXT),
        Column("Course number", Kind.INTEGER),
        Column("Course", Kind.TEXT),
        Column("Member number", Kind.INTEGER),
        Column("Member", Kind.TEXT),
    ]
    await write_csv(path, Sheet("Preview", columns, _rows(seen)))


def _as_json(seen: _Seen) -> dict[str, Any]:
    found = seen.preview
    return {
        "before": found.before,
        "after": found.after,
        "people": found.people,
        "withoutValue": dict(found.without_value),
        "isSettled": found.is_settled,
        "waiting": found.waiting_count,
        "invitations": [{"id": id, "name": seen.names.get(id)} for id in sorted(found.invitations)],
        "courses": [
            {
                "id": each.course_id,
                "title": each.title,
                **{
                    name: [
                        {"id": id, "name": seen.names.get(id)} for id in sorted(getattr(each, name))
                    ]
                    for _, name in _WORDS
                },
                "isEmptied": each.is_emptied,
                "used": each.used,
                "most": each.most,
                "isRefused": each.is_refused,
            }
            for each in found.courses
        ],
    }
