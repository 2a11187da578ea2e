"""How the service's own log is written: structlog, to standard error, as text or as JSON lines."""

import logging
import sys
from typing import Literal

import structlog

from devices.patient_stream import patient


def configure_logs(level: str, style: Literal["auto", "text", "json"]) -> None:
    """Set up logging for this process; `auto` is text on a terminal, else JSON lines."""
    text = style == "text" or (style == "auto" and sys.stderr.isatty())
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer = structlog.dev.ConsoleRenderer() if text else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(patient(sys.stderr)),
    )
    # The libraries' own words: only what an operator should act on.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
