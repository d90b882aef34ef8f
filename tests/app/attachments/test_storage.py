"""Bytes in a directory and in a bucket: the same through one interface, whole or not at all."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.settings import WrongSetting, read_settings
from app.storage import NoStorage, Storage, StorageFails, in_directory, storage_at
from tests.node import NodeClients
from tests.s3 import KEY, SECRET, Bucket, serving

pytestmark = pytest.mark.timeout(120)

MEGABYTE = b"0123456789abcdef" * 65_536


@pytest.fixture(scope="module")
def bucket(node_clients: NodeClients, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with serving(node_clients, tmp_path_factory.mktemp("s3")) as started:
        yield started


@pytest.fixture(params=["directory", "bucket"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "directory":
        return storage_at(f"file://{tmp_path}/some%20files")
    return storage_at(request.getfixturevalue("bucket").url, KEY, SECRET)


async def pieces(*some: bytes, broken: Exception | None = None) -> AsyncIterator[bytes]:
    for each in some:
        yield each
    if broken is not None:
        raise broken


async def read(storage: Storage, key: str, start: int, end: int) -> bytes:
    return b"".join([each async for each in await storage.get(key, start, end)])


@pytest.mark.parametrize("count", [1, 12])
async def test_what_is_stored_is_read_whole_and_in_part(storage: Storage, count: int) -> None:
    """Of twelve megabytes a bucket gets three parts."""
    whole = MEGABYTE * count

    await storage.put("1/2/three", pieces(*[MEGABYTE] * count))

    assert await read(storage, "1/2/three", 0, len(whole)) == whole
    assert await read(storage, "1/2/three", 5, 16) == whole[5:16]
    assert await read(storage, "1/2/three", len(whole) - 3, len(whole)) == whole[-3:]


@pytest.mark.parametrize("count", [0, 1, 12])
async def test_of_what_breaks_off_nothing_is_there_and_the_reason_goes_through(
    storage: Storage, count: int
) -> None:
    key = f"broken/{count}"

    with pytest.raises(KeyError, match="too much"):
        await storage.put(key, pieces(*[MEGABYTE] * count, broken=KeyError("too much")))

    with pytest.raises(StorageFails):
        await storage.get(key, 0, 1)


async def test_what_is_deleted_is_gone_and_deleting_it_again_does_nothing(
    storage: Storage,
) -> None:
    await storage.put("gone", pieces(b"x"))

    await storage.delete("gone")
    await storage.delete("gone")

    with pytest.raises(StorageFails):
        await storage.get("gone", 0, 1)


async def test_a_bucket_keeps_everything_below_the_prefix(bucket: Bucket) -> None:
    storage = storage_at(bucket.url, KEY, SECRET)

    await storage.put("7/8/nine", pieces(b"x"))

    assert "7/8/nine" in bucket.held("lms")


async def test_a_bucket_that_is_not_there_fails_and_tells_nothing(bucket: Bucket) -> None:
    storage = storage_at(bucket.url.replace("s3://files", "s3://nowhere"), KEY, SECRET)

    with pytest.raises(StorageFails) as failed:
        await storage.put("x", pieces(b"x"))

    assert str(failed.value) == "The storage takes nothing."


async def test_a_directory_holds_what_was_put_there_and_nothing_half(tmp_path: Path) -> None:
    storage = in_directory(tmp_path / "files")
    await storage.put("1/2/three", pieces(b"x"))
    with pytest.raises(KeyError):
        await storage.put("1/2/four", pieces(MEGABYTE, broken=KeyError("too much")))

    assert [each.name for each in (tmp_path / "files").rglob("*") if each.is_file()] == ["three"]


@pytest.mark.parametrize(
    "url",
    ["/srv/files", "files", "file://elsewhere/srv", "s3://", "ftp://x/y", "s3://files?key=secret"],
)
def test_what_names_no_storage_is_refused_without_repeating_secrets(url: str) -> None:
    with pytest.raises(NoStorage) as refused:
        storage_at(url)
    with pytest.raises(WrongSetting, match="COORDINATOR_STORAGE_URL"):
        read_settings(storage_url=url)

    assert "secret" not in str(refused.value)


def test_without_a_setting_files_lie_in_the_data_directory(tmp_path: Path) -> None:
    settings = read_settings(data_dir=tmp_path)

    settings.storage()

    assert not (tmp_path / "files").exists()
