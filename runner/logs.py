"""The fleet's own log: one JSON object a line on stderr, or plain lines on a terminal."""

from __future__ import annotations

import logging
import sys
import time

import msgspec

from wistro.protocol.times import rfc3339


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": rfc3339(int(record.created * 1_000_000)),
            "level": record.levelname.lower().replace("warning", "warn"),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if fields := getattr(record, "fields", None):
            line["fields"] = fields
        if record.exc_info:
            line["stack"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def configure(level: str) -> None:
    """For a process's first lines: everything to stderr, times in UTC."""
    handler = logging.StreamHandler(sys.stderr)
    if sys.stderr.isatty():
        formatter = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        formatter.converter = time.gmtime
        handler.setFormatter(formatter)
    else:
        handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each poll
