"""Whoever calls the writing off finds nothing left behind."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.workbooks import Column, Sheet, write_csv, write_xlsx
from tests.app.workbooks.reading import files

pytestmark = pytest.mark.spec("X4")


class CalledOffError(Exception):
    """Somebody does not want the file any more."""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go meanwhile."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


async def endless() -> AsyncIterator[list[str]]:
    while True:
        yield ["row"]
        await asyncio.sleep(0)


def rows() -> Sheet:
    return Sheet("Rows", [Column("Text")], endless())


async def call_off(written: int) -> None:
    if written > 1_000:
        raise CalledOffError


async def test_a_workbook_called_off_leaves_no_file(tmp_path: Path, temporary: Path) -> None:
    with pytest.raises(CalledOffError):
        await write_xlsx(
            tmp_path / "a.xlsx", [Sheet("First", [Column("a")], []), rows()], told=call_off
        )

    assert files(tmp_path, "*.xlsx") == []
    assert files(temporary) == []


async def test_csv_called_off_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(CalledOffError):
        await write_csv(tmp_path / "a.csv", rows(), told=call_off)

    assert files(tmp_path, "*.csv") == []


async def test_a_task_that_is_canceled_leaves_no_file(tmp_path: Path, temporary: Path) -> None:
    began = asyncio.Event()

    async def tell(_: int) -> None:
        began.set()

    task = asyncio.create_task(write_xlsx(tmp_path / "a.xlsx", [rows()], told=tell))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert files(tmp_path, "*.xlsx") == []
    assert files(temporary) == []


async def test_a_finished_workbook_leaves_no_temporary_file(
    tmp_path: Path, temporary: Path
) -> None:
    await write_xlsx(tmp_path / "a.xlsx", [Sheet("Rows", [Column("Text")], [["a"]] * 10)])

    assert files(temporary) == []
