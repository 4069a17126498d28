"""How the API reads JSON: up to a limit, and nothing that could not be kept or written out again."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from rest_framework.parsers import BaseParser

from hub.common.api.errors import TooLarge, Unreadable


class Json(BaseParser):
    """DRF's own reads a body whole, whatever its size, and fails on ten thousand open brackets.

    Raises TooLarge and Unreadable.
    """

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw: bytes = stream.read(most + 1)
        if len(raw) > most:
            raise TooLarge(f"The body is over {most // 1024**2} MiB")
        try:
            body = json.loads(raw.decode(), parse_constant=_refused)
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"The body is no JSON that can be read: {error}") from error
        if b"\\u" in raw:
            _check_text(body)
        return body


def _refused(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


def _check_text(body: Any) -> None:
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise Unreadable("Text may not hold half of a surrogate pair") from error
