"""Catalogs, rules and people for Hypothesis: few values in many spellings, so that they meet."""

from datetime import date
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from sync_engine.rules import Attribute, AttributeType, Catalog, Owner, catalog_of

NAMES = ("Bee", "c.d-e_f", "In", "now")
TYPES = tuple(AttributeType)

TEXTS = (
    "Sales",
    "SALES",
    " sales ",
    "\uff33ales",
    "Sal",
    "les",
    "Straße",
    "STRASSE",
    "Zoë",
    "Zoe\u0308",
    "ΐ",
    "İzmir",
    "izmir",
    'quo"te',
    "line\nbreak\\",
    "\u2028",
    "x",
)
NUMBERS = (
    0,
    1,
    1.0,
    "1.00",
    -1,
    2.5,
    "2.50",
    1e20,
    "0.1",
    0.1,
    12345678901234567890123,
    1e-7,
    "0.1234567890123456789",
)
DATES = ("2024-02-29", "2024-03-31", "2023-12-31", "2024-01-31", "2024-03-01", "0001-01-01")
OFFSETS = ("P0D", "-P1D", "P1D", "-P1M", "P1M", "-P1Y", "-P90D", "P1Y2M3W4D", "-P2W", "+P1D", "p1m")
TODAYS = (date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 31), date(2024, 12, 31))

VALUES: dict[AttributeType, tuple[Any, ...]] = {
    AttributeType.STRING: TEXTS,
    AttributeType.IDENTIFIER: TEXTS,
    AttributeType.REFERENCE: TEXTS,
    AttributeType.NUMBER: NUMBERS,
    AttributeType.BOOLEAN: (True, False),
    AttributeType.DATE: DATES,
    AttributeType.STRING_LIST: TEXTS,
}

MISFITS: tuple[Any, ...] = (
    None,
    "",
    "  ",
    [],
    ["", None],
    {},
    {"value": "Sales"},
    0,
    1.5,
    True,
    "nonsense",
    "true",
    "FALSE",
    "12",
    "NaN",
    float("nan"),
    float("inf"),
    10**31,
    1e-31,
    "2024-02-30",
    "2024-02-29T23:59:59Z",
    "2024-03-01T00:30:00.5+14:00",
    "0000-01-01",
    "\0",
    "\ud800",
    ["Sales", 5],
    ["\0"],
    [["Sales"]],
)

ORDERED = ("lt", "le", "gt", "ge")
ONE: dict[AttributeType, tuple[str, ...]] = {
    AttributeType.STRING: ("eq", "ne", "startsWith", "endsWith", "contains"),
    AttributeType.IDENTIFIER: ("eq", "ne", "startsWith", "endsWith", "contains"),
    AttributeType.REFERENCE: ("eq", "ne"),
    AttributeType.NUMBER: ("eq", "ne", *ORDERED),
    AttributeType.BOOLEAN: ("eq", "ne"),
    AttributeType.DATE: ("eq", "ne", *ORDERED),
    AttributeType.STRING_LIST: ("has",),
}
MANY: dict[AttributeType, tuple[str, ...]] = {
    **{type: ("in", "notIn") for type in AttributeType if type is not AttributeType.BOOLEAN},
    AttributeType.STRING_LIST: ("hasAny", "hasAll", "hasNone"),
}
RANGED = (AttributeType.NUMBER, AttributeType.DATE)


def every_clause(type: AttributeType, attribute: str) -> list[dict[str, Any]]:
    """Each operator of the type with each value, or each pair of neighboring values."""
    values = [each for each in VALUES[type] if each not in REFUSED_LITERALS]
    clocks = [{"now": each} for each in OFFSETS] if type is AttributeType.DATE else []
    told: list[dict[str, Any]] = [{"op": "present"}, {"op": "absent"}]
    told += [{"op": each, "value": value} for each in ONE[type] for value in values + clocks]
    pairs = list(zip(values, values[1:] + values[:1], strict=True))
    told += [{"op": each, "value": list(pair)} for each in MANY.get(type, ()) for pair in pairs]
    if type in RANGED:
        number = float if type is AttributeType.NUMBER else str
        told += [{"op": "between", "value": sorted(pair, key=number)} for pair in pairs]
        told += [{"op": "between", "value": [low, high]} for low in clocks for high in clocks]
    return [{"attr": attribute, **each} for each in told]


def every_value(type: AttributeType) -> list[Any]:
    """Each fitting value, alone and in lists where the type wants lists, and each misfit."""
    values: list[Any] = list(VALUES[type])
    if type is AttributeType.STRING_LIST:
        values = [[each] for each in values] + [values[:4], values[4:9]]
    return [*values, *MISFITS]


@st.composite
def catalogs(draw: DrawFn) -> Catalog:
    owners = st.sampled_from((Owner.IDENTITY_PROVIDER, Owner.ADMINISTRATOR))
    return catalog_of(Attribute(name, draw(st.sampled_from(TYPES)), draw(owners)) for name in NAMES)


def people(catalog: Catalog) -> SearchStrategy[dict[str, Any]]:
    """Raw attributes; some absent, some not fitting, some the catalog does not know."""
    known = {
        attribute.name: st.one_of(_raw(attribute.type), _raw(attribute.type), _misfits())
        for attribute in catalog.values()
    }
    return st.fixed_dictionaries({}, optional=known | {"undeclared": _misfits()})


def _raw(type: AttributeType) -> SearchStrategy[Any]:
    value = st.sampled_from(VALUES[type])
    return st.lists(value, max_size=4) if type is AttributeType.STRING_LIST else value


def _misfits() -> SearchStrategy[Any]:
    return st.sampled_from(MISFITS)


def documents(catalog: Catalog, *, levels: int = 4) -> SearchStrategy[dict[str, Any]]:
    """Rules of at most so many levels, names and groups spelled in all allowed ways."""
    clauses = st.one_of(_clauses(catalog), _clauses(catalog), st.just({"everyone": True}))
    rules = clauses
    for _ in range(levels - 1):
        groups = st.lists(rules, min_size=1, max_size=3)
        rules = st.one_of(
            clauses,
            groups.map(lambda members: {"all": members}),
            groups.map(lambda members: {"any": members}),
            rules.map(lambda inner: {"not": inner}),
        )
    return rules


@st.composite
def _clauses(draw: DrawFn, catalog: Catalog) -> dict[str, Any]:
    attribute = catalog[draw(st.sampled_from(sorted(catalog)))]
    spelled = draw(st.sampled_from((attribute.name, attribute.name.upper())))
    shapes = [_one, _many, _presence]
    if attribute.type in RANGED:
        shapes.append(_range)
    return {"attr": spelled, **draw(draw(st.sampled_from(shapes))(attribute.type))}


REFUSED_LITERALS = ("\u2028", "1.00", "2.50", "0.1")
"""Blank after trimming, or numbers that need no quotes: facts may be so, rules may not."""


def _literals(type: AttributeType) -> SearchStrategy[Any]:
    return st.sampled_from([each for each in VALUES[type] if each not in REFUSED_LITERALS])


def _values(type: AttributeType) -> SearchStrategy[Any]:
    if type is not AttributeType.DATE:
        return _literals(type)
    return st.one_of(_literals(type), st.sampled_from(OFFSETS).map(lambda offset: {"now": offset}))


def _one(type: AttributeType) -> SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"op": st.sampled_from(ONE[type]), "value": _values(type)})


def _many(type: AttributeType) -> SearchStrategy[dict[str, Any]]:
    if type not in MANY:
        return _one(type)
    values = st.lists(_literals(type), min_size=1, max_size=4)
    return st.fixed_dictionaries({"op": st.sampled_from(MANY[type]), "value": values})


def _presence(type: AttributeType) -> SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"op": st.sampled_from(("present", "absent"))})


@st.composite
def _range(draw: DrawFn, type: AttributeType) -> dict[str, Any]:
    low, high = draw(_values(type)), draw(_values(type))
    if not isinstance(low, dict) and not isinstance(high, dict):
        number = float if type is AttributeType.NUMBER else str
        low, high = sorted((low, high), key=number)
    return {"op": "between", "value": [low, high]}
