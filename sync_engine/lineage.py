"""Whether this database's history is still the one that cursors were issued for.

A cursor is a promise about a history. A dump restored into another database, a point-in-time
recovery and a promoted standby each continue an older history, in which the same numbers may come
to mean other things. All of them change the identity compared here: the cluster's system
identifier, its timeline, or the database's oid. What leaves no trace in the database, like
putting an old copy of the disk back, is not seen here; `restart_history` is for that.
"""

import logging
from typing import Final

from sqlalchemy import Connection, Engine

_LOCK: Final = 7_230_418
"""One process at a time compares; beside the migrations' 7230417."""

# The timeline of the write position, because the control file's is that of the last checkpoint,
# which may be older than a promotion.
_IDENTITY: Final = """
SELECT control.system_identifier::text
       || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
       || '/' || database.oid::text
  FROM pg_control_system() AS control, pg_database AS database
 WHERE database.datname = current_database()
"""
_REMEMBER: Final = """
INSERT INTO lineage (id, identity) VALUES (1, %(identity)s)
ON CONFLICT (id) DO UPDATE SET identity = excluded.identity
"""

_log = logging.getLogger(__name__)


def settle(engine: Engine) -> bool:
    """Compare at start-up, before any cursor is read or issued. True: the history was restarted.

    The first start only remembers. Any number of processes may call it at once.
    """
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%(key)s)", {"key": _LOCK})
        now = connection.exec_driver_sql(_IDENTITY).scalar_one()
        before = connection.exec_driver_sql("SELECT identity FROM lineage").scalar_one_or_none()
        if before == now:
            return False
        connection.exec_driver_sql(_REMEMBER, {"identity": now})
        if before is None:
            return False
        _new_epochs(connection)
    _log.warning(
        "This database continues %s as %s: it was restored or promoted. "
        "Cursors issued before are answered with RESYNC_REQUIRED.",
        before,
        now,
    )
    return True


def restart_history(engine: Engine) -> None:
    """Give every journal a new epoch by hand, after a restore that left no trace."""
    with engine.begin() as connection:
        _new_epochs(connection)


def _new_epochs(connection: Connection) -> None:
    connection.exec_driver_sql("UPDATE workspace_stream SET epoch = gen_random_uuid()")
