"""Asking the process that runs a project. Short requests, each on a connection of its own."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec

from wistro.control.place import NotOurs, check_folder, socket_of
from wistro.errors import UserError

T = TypeVar("T")
CONNECT_S = 2.0
ANSWER_S = 40.0  # the engine itself gives up after 30


class Refused(UserError):
    """The engine refused what a command asked; it carries the engine's own code."""

    code = "control.refused"

    def __init__(self, error: dict[str, Any], *, status: int) -> None:
        super().__init__(
            str(error.get("message", "refused")),
            hint=error.get("hint") or "",
            fields=error.get("fields") or {},
        )
        self.code = str(error.get("code", self.code))  # type: ignore[misc]
        self.http_status = status


class EngineLost(UserError):
    """The engine went away, or fell silent, while a command asked it."""

    code = "control.lost"
    hint = "Look whether it still runs; what was asked may have happened."


class Unreadable(UserError):
    """The engine's answer is not of the shape that this command knows."""

    code = "control.unreadable"
    hint = "Command and engine are of two releases of wistro: start the engine anew."


class Running:
    """The engine of a project, when one runs: `find` says."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def find(cls, root: Path) -> Running | None:
        """None when nobody listens there. Raises NotOurs."""
        path = socket_of(root)
        try:
            check_folder(path)
            _connected(path).close()
        except OSError:
            return None
        return cls(path)

    def get(self, path: str, type: type[T], **query: Any) -> T:
        return self.ask("GET", path, type, **query)

    def ask(self, method: str, path: str, type: type[T], body: Any = None, **query: Any) -> T:
        """`path` stands below `/api/v1/`; a query that is None is left out. Raises Refused, EngineLost."""
        given = {name: str(value) for name, value in query.items() if value is not None}
        target = f"/api/v1/{path}" + (f"?{urlencode(given)}" if given else "")
        status, data = self._sent(
            method, target, None if body is None else msgspec.json.encode(body)
        )
        try:
            if status != 200:
                raise Refused(msgspec.json.decode(data)["error"], status=status)
            return msgspec.json.decode(data, type=type)
        except (msgspec.MsgspecError, KeyError, TypeError) as error:
            raise Unreadable(f"an unreadable answer to {method} {path}: {error}") from error

    def _sent(self, method: str, target: str, body: bytes | None) -> tuple[int, bytes]:
        connection = _Connection(self._path)
        try:
            connection.request(method, target, body=body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise EngineLost(
                f"the engine did not answer: {error or type(error).__name__}"
            ) from error
        finally:
            connection.close()


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_S)
        self._path = path

    def connect(self) -> None:
        self.sock = _connected(self._path)
        self.sock.settimeout(ANSWER_S)


def _connected(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(CONNECT_S)
    try:
        made.connect(str(path))
    except OSError:
        made.close()
        raise
    return made


__all__ = ["EngineLost", "NotOurs", "Refused", "Running", "Unreadable"]
