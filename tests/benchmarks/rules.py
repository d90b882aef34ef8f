"""What it costs to find the rules that match a person: `python -m tests.benchmarks.rules`.

For 100 to 100,000 rules, selective and broad, microseconds per person through the index and
through all closures one by one, on the same people in the same run. People have 30 attributes with
skewed values and 6 % of them absent. A rule has 1 to 5 clauses; some are alternatives, denials,
ranges, prefixes or relative dates, and 3 % of the broad ones name no equality at all. A selective
rule also names one of 20,000 teams. Times are the processor's, so that a busy machine disturbs
them less. The answers are compared; no time is asserted.
"""

import gc
import random
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from sync_engine.rules import (
    Attribute,
    AttributeType,
    Catalog,
    Check,
    Fact,
    Owner,
    Rule,
    RuleIndex,
    catalog_of,
    compile,
    fold,
    from_document,
    from_json,
    to_json,
)

TODAY = date(2024, 7, 1)
SIZES = (100, 1_000, 10_000, 100_000)
PEOPLE = 120
TEAMS = 20_000
STRINGS = tuple(f"text{number}" for number in range(20))
VALUES_OF = {name: (8, 25, 60, 200)[place % 4] for place, name in enumerate(STRINGS)}

Clause = dict[str, Any]


def catalog() -> Catalog:
    types = dict.fromkeys(STRINGS, AttributeType.STRING)
    types |= {"team": AttributeType.IDENTIFIER, "manager": AttributeType.REFERENCE}
    types |= {"groups": AttributeType.STRING_LIST, "skills": AttributeType.STRING_LIST}
    types |= {"remote": AttributeType.BOOLEAN, "active": AttributeType.BOOLEAN}
    types |= {"level": AttributeType.NUMBER, "grade": AttributeType.NUMBER}
    types |= {"hired": AttributeType.DATE, "reviewed": AttributeType.DATE}
    return catalog_of(Attribute(name, type, Owner.ADMINISTRATOR) for name, type in types.items())


def skewed(dice: random.Random, among: int) -> int:
    """Small numbers far more often than large ones."""
    return int(among * dice.random() ** 1.6)


def person(dice: random.Random) -> dict[str, Any]:
    raw: dict[str, Any] = {name: f"Value {skewed(dice, VALUES_OF[name])}" for name in STRINGS}
    raw |= {"team": f"T{dice.randrange(TEAMS)}", "manager": f"u{dice.randrange(2000)}"}
    raw |= {"groups": [f"Group {skewed(dice, 200)}" for _ in range(6)]}
    raw |= {"skills": [f"Skill {skewed(dice, 100)}" for _ in range(4)]}
    raw |= {"remote": dice.random() < 0.3, "active": dice.random() < 0.95}
    raw |= {"level": dice.randint(1, 10), "grade": f"{dice.random() * 5:.1f}"}
    for name in ("hired", "reviewed"):
        raw[name] = (TODAY - timedelta(days=dice.randrange(4000))).isoformat()
    return {name: value for name, value in raw.items() if dice.random() > 0.06}


def equality(dice: random.Random) -> Clause:
    kind = dice.random()
    if kind < 0.2:
        return {"attr": "groups", "op": "has", "value": f"group {skewed(dice, 200)}"}
    name = dice.choice(STRINGS)
    values = [f"value {skewed(dice, VALUES_OF[name])}" for _ in range(dice.randint(2, 4))]
    if kind < 0.4:
        return {"attr": name, "op": "in", "value": values}
    return {"attr": name, "op": "eq", "value": values[0]}


def other(dice: random.Random) -> Clause:
    name = dice.choice(STRINGS)
    return dice.choice(
        (
            {"attr": "level", "op": dice.choice(("ge", "le")), "value": dice.randint(2, 9)},
            {"attr": "grade", "op": "between", "value": [1, dice.randint(2, 5)]},
            {"attr": "hired", "op": "le", "value": {"now": f"-P{dice.choice((30, 90, 365))}D"}},
            {"attr": "reviewed", "op": "ge", "value": {"now": "-P1Y"}},
            {"attr": name, "op": "startsWith", "value": f"value {dice.randint(1, 9)}"},
            {"attr": name, "op": "present"},
            {"attr": "active", "op": "eq", "value": True},
        )
    )


def clause(dice: random.Random) -> Clause:
    made = equality(dice) if dice.random() < 0.65 else other(dice)
    return {"not": made} if dice.random() < 0.11 else made


def broad(dice: random.Random) -> Clause:
    if dice.random() < 0.03:
        return {"all": [other(dice) for _ in range(dice.randint(2, 4))]}
    clauses = [equality(dice)] + [clause(dice) for _ in range(dice.randint(0, 4))]
    if len(clauses) > 2 and dice.random() < 0.28:
        clauses = [clauses[0], {"any": clauses[1:]}]
    return {"all": clauses}


def selective(dice: random.Random) -> Clause:
    team = {"attr": "team", "op": "eq", "value": f"T{dice.randrange(TEAMS)}"}
    return {"all": [broad(dice), team]}


def best_microseconds(
    ask: Callable[[dict[str, Fact]], object], crowd: list[dict[str, Fact]]
) -> float:
    """Per person, the best of three rounds over the crowd."""
    best = float("inf")
    for _ in range(3):
        begin = time.process_time()
        for facts in crowd:
            ask(facts)
        best = min(best, time.process_time() - begin)
    return best / len(crowd) * 1e6


def all_closures(checks: Sequence[Check], facts: dict[str, Fact]) -> set[int]:
    return {id for id, check in enumerate(checks) if check(facts, TODAY)}


def measure(name: str, rules: list[Rule], crowd: list[dict[str, Fact]]) -> float:
    """Print one line; the microseconds per person through the index."""
    begin = time.process_time()
    index = RuleIndex.build(dict(enumerate(rules)))
    built = time.process_time() - begin
    checks = list(map(compile, rules))
    gc.freeze()
    few = crowd[: max(3, min(len(crowd), 100_000 // len(rules)))]
    differing = sum(index.matches(each, TODAY) != all_closures(checks, each) for each in few)
    found = sum(len(index.matches(each, TODAY)) for each in crowd) / len(crowd)
    through_index = best_microseconds(lambda facts: index.matches(facts, TODAY), crowd)
    through_all = best_microseconds(lambda facts: all_closures(checks, facts), few)
    gc.unfreeze()
    a_match = f"{through_index / found:.2f}" if found >= 1 else "–"
    print(
        f"{name:<10}{len(rules):>9,}{found:>10.1f}{through_index:>12.1f}{a_match:>11}"
        f"{through_all:>14.0f}"
        f"{through_all / through_index:>9.0f}×{built:>10.2f}{differing:>11}"
    )
    return through_index


def stored_form(known: Catalog, crowd: list[dict[str, Fact]]) -> None:
    stored = [to_json(facts) for facts in crowd]
    begin = time.process_time()
    for _ in range(20):
        for each in stored:
            from_json(each, known)
    spent = (time.process_time() - begin) / len(stored) / 20 * 1e6
    print(f"Facts from their stored form: {spent:.1f} µs a person of {len(known)} attributes.")


def main() -> None:
    dice = random.Random(7)
    known = catalog()
    crowd = [fold(person(dice), known)[0] for _ in range(PEOPLE)]
    stored_form(known, crowd)
    print(
        f"{'rules':<10}{'number':>9}{'matches':>10}{'index µs':>12}{'a match µs':>11}"
        f"{'closures µs':>14}"
        f"{'ratio':>10}{'built s':>10}{'differing':>11}"
    )
    for name, make in (("selective", selective), ("broad", broad)):
        documents = [make(dice) for _ in range(SIZES[-1])]
        rules = [from_document(document, known) for document in documents]
        costs = [measure(name, rules[:size], crowd) for size in SIZES]
        print(f"{name}: {costs[-1] / costs[0]:.1f} × the cost for 1,000 × the rules")


if __name__ == "__main__":
    main()
