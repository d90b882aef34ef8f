"""A contract for import-linter: some modules use the standard library and nothing else.

`forbidden` contracts name what is banned; this one names nothing, so a dependency added tomorrow
is banned too.
"""

import sys

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class StandardLibraryOnly(Contract):
    """Fails when a module, its descendants or anything they import reaches a third party."""

    type_name = "standard_library_only"

    modules = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        output.verbose_print(verbose, f"Looking for third parties behind {self.modules}")
        reached = {
            module: sorted(_third_parties(graph, module))
            for module in self.modules  # type: ignore[attr-defined]
        }
        return ContractCheck(
            kept=not any(reached.values()), metadata={"reached": reached, "graph": graph}
        )

    def render_broken_contract(self, check: ContractCheck) -> None:
        for module, parties in check.metadata["reached"].items():
            for party in parties:
                chain = check.metadata["graph"].find_shortest_chain(module, party, as_packages=True)
                output.print_error(f"{module} reaches {party}: {' -> '.join(chain or ())}")


def _third_parties(graph: ImportGraph, module: str) -> set[str]:
    inside = {name for name in graph.modules if not graph.is_module_squashed(name)}
    reached = graph.find_upstream_modules(module, as_package=True)
    outside = {name for name in reached if name not in inside}
    return {name for name in outside if name.partition(".")[0] not in sys.stdlib_module_names}
