"""The SDK's types of configs have every key that the compiler reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wistro.compiler.config import KEYS
from wistro.languages import node

TYPES = (Path(node.__file__).parent / "sdk" / "index.d.ts").read_text(encoding="utf-8")
INTERFACE = re.compile(r"interface (\w+)(?: extends ([^{]+))? \{\n(.*?)\n\}", re.DOTALL)
MOTIAS = {
    "infrastructure",
    "includeFiles",
    "virtualSubscribes",
    "virtualEmits",
}  # not for new steps


def keys(name: str) -> set[str]:
    """Those of an interface and of what it extends."""
    _, above, body = next(one.groups() for one in INTERFACE.finditer(TYPES) if one[1] == name)
    own = set(re.findall(r"^  (\w+)\??:", body, re.MULTILINE))
    base = re.search(r"\w+(?=[,\s]|$)", re.sub(r"Omit<", "", above or ""))
    return own | (keys(base[0]) if base else set())


@pytest.mark.parametrize("kind", KEYS)
def test_a_config_has_every_key_of_its_kind(kind: str) -> None:
    assert KEYS[kind] - MOTIAS - keys(f"{kind.title()}Config") == set()
