"""Lists give exactly what `node` gives, count it, and search finds nothing else (G4)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema, get_named_type

from tests.proof import table
from tests.proof.fields import everything
from tests.proof.proving import Asker
from tests.proof.town import Town
from tests.proof.walking import needs_arguments

PARTS: Final = {
    "coursesIManage": "one's own part of the courses",
    "submissionsToGrade": "what waits, of all submissions",
}
"""Lists that by their meaning leave out what one may see."""

AT_A_TIME: Final = 7


@dataclass
class Counted:
    lists: int = 0
    searches: int = 0
    faults: list[str] = field(default_factory=list)


class Lists:
    """The proof for one town."""

    def __init__(self, schema: GraphQLSchema, town: Town) -> None:
        assert schema.query_type is not None
        self._schema = schema
        self._root = schema.query_type
        self._things = list(everything(town))
        world = town.here.world
        self._named = {
            "Course": world.courses,
            "Department": world.departments,
            "Member": world.members,
            "Module": world.modules,
            "LearnerGroup": world.groups,
            "Segment": world.segments,
            "LiveSession": town.here.live_sessions,
            "Submission": town.here.submissions,
        }
        self._ids = {
            noun: {town.here.id(noun, name): name for name in names}
            for noun, names in self._named.items()
        }

    def of_nodes(self) -> Iterator[tuple[str, str, GraphQLField]]:
        """The fields of the root that are pages of things with global ids: name, kind, field."""
        for name, declared in self._root.fields.items():
            page = get_named_type(declared.type)
            if isinstance(page, GraphQLObjectType) and page.name.endswith("Connection"):
                kind = get_named_type(page.fields["nodes"].type) if "nodes" in page.fields else None
                if kind is not None and kind.name in self._ids and not needs_arguments(declared):
                    yield name, kind.name, declared

    async def compare(self, ask: Asker, whom: Iterable[str] = table.PEOPLE) -> Counted:
        done = Counted()
        for who in whom:
            seen = await self._nodes(ask, who)
            self._judge_nodes(who, seen, done)
            await self._judge_direct(ask, who, seen, done)
            for name, kind, declared in self.of_nodes():
                wanted = {id for id in self._ids[kind] if id in seen}
                given = await self._pages(ask, who, name, done)
                done.lists += 1
                if given is None:
                    continue
                if name not in PARTS and given != wanted:
                    more = [self._ids[kind].get(each, each) for each in given - wanted]
                    less = [self._ids[kind][each] for each in wanted - given]
                    done.faults.append(f"{who}: {name} lists {more} too many and lacks {less}")
                if "search" in declared.args:
                    await self._search(ask, who, name, given, done)
        return done

    async def _nodes(self, ask: Asker, who: str) -> set[str]:
        ids = list(dict.fromkeys(each.id for each in self._things))
        found: set[str] = set()
        for start in range(0, len(ids), 100):
            some = ids[start : start + 100]
            document = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
            answer = await ask(who, document, {"ids": some}, False)
            found |= {each["id"] for each in answer["data"]["nodes"] if each is not None}
        return found

    def _judge_nodes(self, who: str, seen: set[str], done: Counted) -> None:
        for thing in self._things:
            if (thing.id in seen) is not (who in thing.is_seen_by):
                done.faults.append(f"{who}: node gives {thing.name}: {thing.id in seen}")

    async def _judge_direct(self, ask: Asker, who: str, seen: set[str], done: Counted) -> None:
        for noun, ids in self._ids.items():
            name = noun[:1].lower() + noun[1:]
            declared = self._root.fields.get(name)
            if declared is None or "id" not in declared.args:
                continue
            asked = " ".join(f'a{n}: {name}(id: "{id}") {{ id }}' for n, id in enumerate(ids))
            answer = await ask(who, f"{{ {asked} }}", {}, False)
            for number, id in enumerate(ids):
                is_given = answer["data"][f"a{number}"] is not None
                if is_given is not (id in seen):
                    done.faults.append(f"{who}: {name} and node differ about {ids[id]}")

    async def _pages(self, ask: Asker, who: str, name: str, done: Counted) -> set[str] | None:
        """Everything the list gives, page by page; None where it is denied as a whole."""
        rows: list[str] = []
        after: str | None = None
        while True:
            document = (
                f"query ($after: String) {{ {name}(first: {AT_A_TIME}, after: $after) {{"
                " totalCount pageInfo { hasNextPage endCursor } nodes { id } } }"
            )
            answer = await ask(who, document, {"after": after}, False)
            page: Any = answer["data"] and answer["data"][name]
            if page is None:
                return None
            rows += [each["id"] for each in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        if page["totalCount"] != len(rows) or len(set(rows)) != len(rows):
            done.faults.append(f"{who}: {name} counts {page['totalCount']} and gives {len(rows)}")
        return set(rows)

    async def _search(
        self, ask: Asker, who: str, name: str, listed: set[str], done: Counted
    ) -> None:
        """By the name of everything there is."""
        kind = next(kind for each, kind, _ in self.of_nodes() if each == name)
        texts = list(self._named[kind])
        asked = " ".join(
            f'a{n}: {name}(first: 100, search: "{text}") {{ totalCount nodes {{ id }} }}'
            for n, text in enumerate(texts)
        )
        answer = await ask(who, f"{{ {asked} }}", {}, False)
        for number, text in enumerate(texts):
            page = answer["data"][f"a{number}"]
            found = {each["id"] for each in page["nodes"]}
            done.searches += 1
            meant = {id for id, known in self._ids[kind].items() if known == text}
            if not (found <= listed and meant & listed <= found):
                done.faults.append(f"{who}: searching {name} for {text} finds {found}")
            if page["totalCount"] != len(found):
                done.faults.append(f"{who}: searching {name} for {text} miscounts")
