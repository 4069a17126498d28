"""wistro.yml or wistro.json: read, checked, with the line of everything. Absent is fine: the defaults hold.

`model` is what is found; `triggers` and `surroundings` read its keys, a method `_read_<key>` each.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from wistro.compiler import problems
from wistro.compiler.settings.checks import endpoint_auth, schema
from wistro.compiler.settings.model import ApiEntry, CronEntry, Settings
from wistro.compiler.settings.surroundings import Surroundings
from wistro.compiler.settings.triggers import Triggers
from wistro.errors import UserError
from wistro.lock import strict_yaml

__all__ = ["ApiEntry", "CronEntry", "Settings", "endpoint_auth", "parse", "read_settings", "schema"]

NAMES = ("wistro.yml", "wistro.json")
MAX_BYTES = 256 * 1024
MEETING = ("src", "flows", "topics", "api", "cron")


def read_settings(root: Path) -> tuple[Settings, list[UserError]]:
    """The settings and everything that is wrong with them."""
    present = [name for name in NAMES if (root / name).is_file()]
    if not present:
        return Settings(), []
    if len(present) == 2:
        return Settings(meets=False), [
            problems.BadConfig(
                "there are both wistro.yml and wistro.json", hint="Keep one.", where="wistro.json:1"
            )
        ]
    return parse((root / present[0]).read_bytes(), name=present[0])


def parse(data: bytes, *, name: str = "wistro.yml") -> tuple[Settings, list[UserError]]:
    try:
        document = strict_yaml.read(data, name=name, max_bytes=MAX_BYTES, with_lines=True)
    except UserError as error:
        return Settings(file=name, meets=False), [error]
    reader = Reader(name, document)
    reader.read()
    return reader.settings, reader.wrong


class Reader(Triggers, Surroundings):
    def read(self) -> None:
        if self._value is None:
            return
        if not isinstance(self._value, dict):
            self.wrong.append(
                problems.BadConfig(f"{self._name} is a mapping of keys", where=f"{self._name}:1")
            )
            self.settings.meets = False
            return
        known = self.known()
        self._keys(self._value, (), known=known, of=self._name, above=_empty_above(self._value))
        self.settings.meets = not self.wrong  # `topic` may stand for `topics`
        for key, value in self._value.items():
            if key in known and value is not None:
                before = len(self.wrong)
                self._try(getattr(self, f"_read_{key}"), value)
                if key in MEETING and len(self.wrong) > before:
                    self.settings.meets = False

    @classmethod
    def known(cls) -> set[str]:
        """Every key of the file."""
        return {key.removeprefix("_read_") for key in dir(cls) if key.startswith("_read_")}


def _empty_above(value: dict[str, Any]) -> dict[str, str]:
    """For each key the nearest one above it, if that holds nothing: where it would be, were it indented."""
    return {below: key for key, below in pairwise(value) if value[key] is None}
