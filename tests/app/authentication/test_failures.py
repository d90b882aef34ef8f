"""An address may show so many wrong tokens a minute; nobody else pays for it."""

import pytest

from app.authentication.failures import A_MINUTE, MOST_ADDRESSES, Failures
from tests.app.authentication.elsewhere import Clock

HERE, THERE = "198.51.100.7", "198.51.100.8"


def test_twenty_failures_a_minute_are_let_be_and_more_have_to_wait(clock: Clock) -> None:
    failures = Failures(clock=clock)
    for _ in range(A_MINUTE):
        assert failures.seconds_to_wait(HERE) == 0
        failures.count(HERE)

    assert failures.seconds_to_wait(HERE) == 3
    assert failures.seconds_to_wait(THERE) == 0

    clock.now += 3
    assert failures.seconds_to_wait(HERE) == 0
    failures.count(HERE)
    assert failures.seconds_to_wait(HERE) == 3


def test_whoever_goes_on_failing_has_to_wait_no_longer(clock: Clock) -> None:
    failures = Failures(clock=clock)
    for _ in range(10_000):
        failures.count(HERE)

    assert failures.seconds_to_wait(HERE) == 3


def test_a_minute_later_everything_is_forgotten(clock: Clock) -> None:
    failures = Failures(clock=clock)
    for _ in range(A_MINUTE):
        failures.count(HERE)

    clock.now += 60
    for _ in range(A_MINUTE):
        assert failures.seconds_to_wait(HERE) == 0
        failures.count(HERE)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:198.51.100.7", HERE, True),
        (None, "nonsense", True),
    ],
)
def test_what_one_site_can_change_at_will_counts_as_one_address(
    clock: Clock, one: str | None, other: str | None, is_same: bool
) -> None:
    failures = Failures(clock=clock)
    for _ in range(A_MINUTE):
        failures.count(one)

    assert (failures.seconds_to_wait(other) > 0) is is_same


def test_no_more_than_so_many_addresses_are_remembered(clock: Clock) -> None:
    failures = Failures(clock=clock)
    for n in range(MOST_ADDRESSES + 5):
        failures.count(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")

    assert len(failures._level) == MOST_ADDRESSES
