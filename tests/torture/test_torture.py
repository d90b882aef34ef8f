"""A short torture run as an ordinary test; `make torture` runs hundreds of rounds."""

import pytest

from tests.torture.run import torture

ROUNDS = 6


@pytest.mark.timeout(120)
def test_after_bursts_of_everything_with_killed_workers_all_is_exact(database_url: str) -> None:
    tally = torture(database_url, rounds=ROUNDS, seconds=50, seed=20260302, workers=2)

    assert tally.wrong == {}
    assert tally.rounds == ROUNDS
    assert tally.kills > 0
    assert tally.changes == ROUNDS * 54
    assert tally.decisions > 0
    assert tally.held > 0
