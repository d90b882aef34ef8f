"""Which exceptions are meant for the caller of the API, and what they look like there."""

from collections.abc import Mapping

import structlog
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from app.graphql.contracts import Unauthenticated
from app.graphql.errors import Code
from operations.refusals import Denied, Refused

TRY_AGAIN = "The database does not answer in time. Try again."

log = structlog.get_logger("app.web")

Presented = tuple[str, Mapping[str, object]]


def present(error: Exception) -> Presented | None:
    """Message and extensions of what a person may read; None: an incident of ours."""
    match error:
        case Denied():
            return error.reason, {
                "code": Code.PERMISSION_DENIED.value,
                "requiredAnyOf": [[error.permission.name]],
                "scope": error.scope.name,
                "held": [principal.name for principal in error.held],
                "reason": error.reason,
            }
        case Refused():
            return error.message, {**error.details, "code": error.code.value}
        case Unauthenticated():
            return str(error), {"code": Code.UNAUTHENTICATED.value}
        case OperationalError() | PoolExhausted():
            return _unavailable(error)
        case DBAPIError() if error.connection_invalidated:
            return _unavailable(error)
        case _:
            return None


def _unavailable(error: Exception) -> Presented:
    """Locks and statements out of time, connections lost, a pool used up: all pass by."""
    cause = getattr(error, "orig", None) or error
    log.warning("database.unavailable", raised=type(cause).__qualname__)
    return TRY_AGAIN, {"code": Code.UNAVAILABLE.value}
