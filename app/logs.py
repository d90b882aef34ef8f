"""One line per event on standard error: for people in development, JSON in production."""

import logging
import sys

import structlog

_SHARED = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)

# Local variables hold tokens and what people are: they are never written to a log.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def configure_logs(*, as_json: bool, level: int = logging.INFO) -> None:
    """Send what the standard library and structlog log the same way. Call once per process."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    last: tuple[structlog.typing.Processor, ...] = (
        (_TRACEBACKS, structlog.processors.JSONRenderer())
        if as_json
        else (
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        )
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # One line per request is written by the web application, with what it knows about it.
    logging.getLogger("uvicorn.access").disabled = True
    for chatty in ("uvicorn.error", "httpx", "alembic", "dramatiq"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
