"""`make spec`: the numbered sentences with a test that carries their number, and those without."""

from rich.console import Console
from rich.table import Table

from tests.specification.carried import carried
from tests.specification.sentences import SENTENCES


def main() -> None:
    tests = carried()
    console = Console()
    table = Table(title="Sentences with a test that carries their number")
    table.add_column("number")
    table.add_column("tests", justify="right")
    table.add_column("says")
    for number, says in SENTENCES.items():
        if number in tests:
            table.add_row(number, str(len(tests[number])), says)
    console.print(table)
    without = [number for number in SENTENCES if number not in tests]
    console.print(f"Without a test ({len(without)}):", " ".join(without) or "none", soft_wrap=True)


if __name__ == "__main__":
    main()
