"""One file's keys with the line of each: what every reader of a part of it stands on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wistro.compiler import problems, values
from wistro.compiler.settings.model import Settings
from wistro.errors import UserError
from wistro.lock import strict_yaml


class Lines:
    def __init__(self, name: str, document: strict_yaml.Document) -> None:
        self._name = name
        self._lines = document.lines
        self._value = document.value
        self.settings = Settings(file=name)
        self.wrong: list[UserError] = []

    def _try(self, read: Callable[..., None], *arguments: Any) -> None:
        try:
            read(*arguments)
        except UserError as error:
            self.wrong.append(error)

    def _where(self, *path: str | int) -> str:
        while path not in self._lines and path:
            path = path[:-1]
        return f"{self._name}:{self._lines.get(path, 1)}"

    def _keys(
        self,
        value: dict[str, Any],
        at: tuple[str | int, ...],
        *,
        known: set[str],
        of: str,
        above: Mapping[str, str] | None = None,
    ) -> None:
        where = {key: self._where(*at, key) for key in value}
        self.wrong += problems.check_keys(
            value,
            known=known,
            not_yet=set(values.NEVER_BUILT),
            of=of,
            where=where,
            above=above or {},
        )

    def _map(self, value: Any, *at: str | int) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise problems.BadConfig(
                f"`{'.'.join(map(str, at))}` is a mapping, not {values.shown(value)}",
                where=self._where(*at),
            )
        return value

    def _list(self, value: Any, *at: str | int, hint: str | None = None) -> list[Any]:
        if not isinstance(value, list):
            raise problems.BadConfig(
                f"`{'.'.join(map(str, at))}` is a list, not {values.shown(value)}",
                hint=hint,
                where=self._where(*at),
            )
        return value
