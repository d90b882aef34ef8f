"""What leaves markers for insights looks at many rows as it looks at one (DECISIONS 74)."""

import re

from sqlalchemy import Engine, text

FUNCTIONS = text("""
SELECT DISTINCT c.relname, p.prosrc
  FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid
 WHERE t.tgoldtable IS NOT NULL AND t.tgnewtable IS NOT NULL ORDER BY c.relname
""")
FEW_ROWS = {"workspace"}
"""Tables of which no statement changes many rows."""

BOTH = re.compile(r"\bFROM changed\b[^()]*\bJOIN previous\b|\bJOIN changed\b", re.DOTALL)


def test_no_trigger_joins_what_was_with_what_is(sync_database: Engine) -> None:
    with sync_database.connect() as db:
        found: dict[str, str] = {row.relname: row.prosrc for row in db.execute(FUNCTIONS)}

    assert found.keys() >= {"attempt", "member", "progress", "workspace"}
    assert BOTH.search(found["workspace"]), "The test would not see a join."
    joining = {table for table, source in found.items() if BOTH.search(source)}
    assert joining <= FEW_ROWS
