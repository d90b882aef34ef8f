"""Secrets of the installation are kept for their owner alone, and a seal stays where it was put."""

import base64
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.embedded import CannotStart
from app.keyring import CannotOpen, keyring_in, read_keyring, secret_file

OLD = base64.b64encode(bytes(range(32))).decode()
NEW = base64.b64encode(bytes(range(100, 132))).decode()


def test_what_was_sealed_opens_in_its_place_and_nowhere_else() -> None:
    ring = read_keyring(f"k1:{OLD}")

    sealed, key_name = ring.seal(b"whsec_1", context="connection 7")

    assert b"whsec_1" not in sealed
    assert key_name == "k1"
    assert ring.open(sealed, key_name, context="connection 7") == b"whsec_1"
    with pytest.raises(CannotOpen, match="does not hold for 'connection 8'"):
        ring.open(sealed, key_name, context="connection 8")


def test_the_same_secret_is_never_sealed_to_the_same_bytes_twice() -> None:
    ring = read_keyring(f"k1:{OLD}")

    assert len({ring.seal(b"same", context="c")[0] for _ in range(20)}) == 20


@pytest.mark.parametrize("change", [0, 11, 12, -1])
def test_a_sealed_value_that_was_tampered_with_does_not_open(change: int) -> None:
    ring = read_keyring(f"k1:{OLD}")
    sealed = bytearray(ring.seal(b"whsec_1", context="c")[0])

    sealed[change] ^= 1

    with pytest.raises(CannotOpen):
        ring.open(bytes(sealed), "k1", context="c")


@pytest.mark.parametrize("length", [0, 5, 12, 27])
def test_a_sealed_value_that_was_cut_off_does_not_open(length: int) -> None:
    ring = read_keyring(f"k1:{OLD}")
    sealed, _ = ring.seal(b"whsec_1", context="c")

    with pytest.raises(CannotOpen):
        ring.open(sealed[:length], "k1", context="c")


def test_after_a_rotation_new_work_is_done_with_the_new_key_and_old_work_still_opens() -> None:
    before = read_keyring(f"k1:{OLD}")
    sealed, key_name = before.seal(b"whsec_1", context="c")

    after = read_keyring(f"k2:{NEW},k1:{OLD}")

    assert after.open(sealed, key_name, context="c") == b"whsec_1"
    assert after.seal(b"x", context="c")[1] == "k2"
    assert before.signing_keys("cursor") == after.signing_keys("cursor")[1:]
    with pytest.raises(CannotOpen, match="'k1' is not on the key ring, which holds: k2"):
        read_keyring(f"k2:{NEW}").open(sealed, key_name, context="c")


def test_every_purpose_has_a_signing_key_of_its_own() -> None:
    ring = read_keyring(f"k1:{OLD}")

    [cursor], [link] = ring.signing_keys("cursor"), ring.signing_keys("link")

    assert len(cursor) == 32
    assert cursor != link
    assert bytes(range(32)) not in (cursor, link)


def test_a_key_ring_does_not_show_its_keys() -> None:
    assert OLD not in repr(read_keyring(f"k1:{OLD}"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The key ring is empty"),
        (" , ", "The key ring is empty"),
        (OLD, "needs a name of its own"),
        (f":{OLD}", "needs a name of its own"),
        (f"k 1:{OLD}", "needs a name of its own"),
        (f"{'k' * 33}:{OLD}", "needs a name of its own"),
        (f"k1:{OLD},k1:{NEW}", "needs a name of its own"),
        ("k1:", "is 0 bytes of base64 and must be 32"),
        ("k1:c2hvcnQ=", "is 5 bytes of base64 and must be 32"),
        ("k1:not base64", "is 0 bytes of base64 and must be 32"),
        (f"k1:{base64.b64encode(bytes(32)).decode()}", "made of 1 different bytes"),
        (
            f"k1:{base64.b64encode(b'change-me' * 3 + b'12345').decode()}",
            "is not random",
        ),
    ],
)
def test_a_key_ring_that_protects_nothing_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(CannotStart, match=sentence) as refusal:
        read_keyring(text)

    assert OLD not in str(refusal.value)


def test_the_first_start_makes_a_ring_for_its_owner_alone(tmp_path: Path) -> None:
    first = keyring_in(tmp_path / "data")

    assert stat.S_IMODE((tmp_path / "data" / "keyring").stat().st_mode) == 0o600
    assert keyring_in(tmp_path / "data").keys == first.keys
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["keyring"]


def test_processes_that_start_at_once_agree_on_one_ring(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: keyring_in(tmp_path).newest, range(16)))
        texts = {(tmp_path / "keyring").read_bytes() for _ in rings}

    assert len(texts) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["keyring"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_a_secret_file_open_to_others_is_refused_with_the_way_out(
    tmp_path: Path, mode: int
) -> None:
    keyring_in(tmp_path)
    (tmp_path / "keyring").chmod(mode)

    with pytest.raises(CannotStart, match=r"is open to others .* `chmod 600"):
        keyring_in(tmp_path)


def test_a_data_directory_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(CannotStart, match="cannot be used"):
        secret_file(tmp_path / "file" / "keyring", lambda: os.urandom(8))
