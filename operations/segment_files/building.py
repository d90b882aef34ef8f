"""What the segments of a file build on: before it is applied, and after."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from operations.relations import mentioned_in
from operations.segment_files.present import Present
from operations.segment_files.wanted import FileProblem, WantedSegment
from sync_engine.layers import MOST_STEPS, Circle, depths
from sync_engine.rules import Related


class Built:
    """Segments by their names in lower case; those not made yet have numbers below 0."""

    def __init__(self, present: Present, wanted: Sequence[WantedSegment], *, prune: bool) -> None:
        self._wanted = {each.name.lower(): each for each in wanted}
        kept = {
            name: each
            for name, each in present.segments.items()
            if name in self._wanted or not prune
        }
        new = [each.name for name, each in self._wanted.items() if name not in present.segments]
        names = {each.id: each.name for each in kept.values()}
        names |= {-place: name for place, name in enumerate(new, start=1)}
        self.related = Related(names, present.people)
        self._written = {each.id: each.name for each in present.segments.values()}
        self._names = {each.id: name for name, each in present.segments.items()}
        self._numbers = {
            **{name: each.id for name, each in present.segments.items()},
            **{name.lower(): id for id, name in names.items()},
        }
        texts = {name: each.rule_text or "" for name, each in present.segments.items()}
        self._texts = texts
        self._before = self._inner(texts)
        self._after = self._inner(
            {
                name: texts.get(name, "") if each is None or each.rule is None else each.rule
                for name in {*kept, *self._wanted}
                for each in [self._wanted.get(name)]
            }
        )
        self._depths_before = depths(self._before)
        self._circle: list[int] = []
        try:
            self._depths_after = depths(self._after)
        except Circle as circle:
            self._depths_after, self._circle = {}, circle.path

    def _inner(self, texts: Mapping[str, str]) -> dict[int, set[int]]:
        """What each of these builds on, of what there is a segment of."""
        found: dict[int, set[int]] = {}
        for name, text in texts.items():
            said = mentioned_in(text)
            inner = {self._numbers[each] for each in said.segment_names if each in self._numbers}
            inner |= said.segments & self._names.keys()
            if inner:
                found[self._numbers[name]] = inner
        return found

    def depth_before(self, name: str) -> int:
        return self._depths_before.get(self._numbers[name], 0)

    def depth_after(self, name: str) -> int:
        return self._depths_after.get(self._numbers[name], 0)

    def is_built_on_before(self, name: str) -> bool:
        return _is_among(self._numbers[name], self._before.values())

    def problems(self) -> Iterator[FileProblem]:
        """What is wrong with it afterwards, where the rules themselves are right."""
        if self._circle:
            told = " → ".join(f"“{self._called(id)}”" for id in self._circle)
            message = f"Segments would build on each other in a circle: {told}."
            yield self._problem(self._circle[0], message)
        for id, depth in self._depths_after.items():
            if depth > MOST_STEPS:
                message = f"It would build on others in {depth} steps; {MOST_STEPS} are allowed."
                yield self._problem(id, message)
        for id, inner in self._after.items():
            for gone in sorted(inner - self.related.segments.keys()):
                if self._stays(id):
                    message = f"It builds on “{self._written[gone]}”, which would be deleted."
                    yield self._problem(id, message)

    def _problem(self, id: int, message: str) -> FileProblem:
        name = self._called(id)
        wanted = self._wanted.get(name.lower())
        return FileProblem(None if wanted is None else wanted.line, name, message)

    def _stays(self, id: int) -> bool:
        """Whether its rule is not read anew, which would have found the problem."""
        name = self._called(id).lower()
        wanted = self._wanted.get(name)
        return wanted is None or wanted.rule in (None, self._texts.get(name))

    def _called(self, id: int) -> str:
        return self.related.segments.get(id) or self._names[id]


def _is_among(id: int, several: Collection[set[int]]) -> bool:
    return any(id in each for each in several)
