"""A short torture run as an ordinary test; `make torture` runs a thousand rounds."""

import pytest

from tests.torture.run import torture
from tests.torture.themes import DECK, THEMES

ROUNDS = len(DECK)


@pytest.mark.timeout(120)
def test_after_bursts_of_everything_with_killed_workers_all_is_exact(database_url: str) -> None:
    tally = torture(database_url, rounds=ROUNDS, seconds=50, seed=20260302, workers=2)

    assert tally.wrong == {}
    assert tally.rounds == ROUNDS
    assert tally.kills > 0
    assert tally.themes.keys() == {each.name for each in THEMES}
    assert tally.changes == 3 * sum(each.changes for each in DECK)
    assert tally.decisions > 0
