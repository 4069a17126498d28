"""The compatibility table, its types described by Python and Node as a project's are."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from wistro.languages.node import describe as node
from wistro.languages.python import describe as python
from wistro.schemas import CannotDecide, DoesNotFit, Fits, Schema, fits, normalise

TABLE: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[3] / "golden" / "compat.yml").read_text(encoding="utf-8")
)
_PYTHON = """
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal, NotRequired, Optional, TypedDict, Union
from pydantic import BaseModel, ConfigDict, Field
from pydantic.dataclasses import dataclass as checked
from pydantic.v1 import BaseModel as BaseModel1, Field as Field1
"""
_SELF = re.compile(r"\bT\b")
_ENV = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHONHASHSEED": "0"}


@pytest.fixture(scope="module")
def described(
    tmp_path_factory: pytest.TempPathFactory, node_packages: Path
) -> dict[tuple[str, str], Schema]:
    """Every type of the table by (notation, source)."""
    root = tmp_path_factory.mktemp("compatibility")
    (root / "src").mkdir()
    (root / "node_modules").symlink_to(node_packages / "node_modules")
    (root / ".wistro").mkdir()
    (root / ".wistro" / "tools").symlink_to(node_packages / ".wistro" / "tools")
    wanted: dict[str, list[str]] = {"python": [], "zod4": [], "zod3": []}
    for row in TABLE:
        for side in (row["emitter"], row["subscriber"]):
            ((notation, source),) = side.items()
            if notation in wanted and source not in wanted[notation]:
                wanted[notation].append(source)
    answers = _python(root, wanted["python"]) | _node(root, wanted)
    found: dict[tuple[str, str], Schema] = {}
    for notation, sources in wanted.items():
        assert "config" in answers[notation], answers[notation]
        emits = answers[notation]["config"]["emits"]
        for source, emit in zip(sources, emits, strict=True):
            found[notation, source] = normalise(emit["schema"])
    return found


def _python(root: Path, sources: list[str]) -> dict[str, Any]:
    for index, source in enumerate(sources):
        (root / "src" / f"type{index}.py").write_text(_PYTHON + source)
    imports = "".join(f"from type{i} import T as T{i}\n" for i in range(len(sources)))
    emits = ", ".join(f'{{"topic": "t{i}", "schema": T{i}}}' for i in range(len(sources)))
    step = root / "src" / "types.step.py"
    step.write_text(f'{imports}config = {{"type": "noop", "name": "t", "emits": [{emits}]}}')
    answer = python.describe(
        root, ["src/types.step.py"], python=Path(sys.executable), env=_ENV, parallel=1
    )
    return {"python": answer["src/types.step.py"]}


def _node(root: Path, wanted: dict[str, list[str]]) -> dict[str, Any]:
    every: dict[str, str] = {}
    for notation, package in (("zod4", "zod"), ("zod3", "zod3")):
        types = "".join(
            f"const T{i} = {_SELF.sub(f'T{i}', source)};\n"
            for i, source in enumerate(wanted[notation])
        )
        emits = ", ".join(
            f"{{ topic: 't{i}', schema: T{i} }}" for i in range(len(wanted[notation]))
        )
        file = f"src/{notation}.step.ts"
        (root / file).write_text(
            f"import {{ z }} from '{package}';\n{types}"
            f"export const config = {{ type: 'noop', name: 't', emits: [{emits}] }};\n"
        )
        every[f"src/{notation}"] = file
    program = Path(shutil.which("node") or "node")
    answers, built = node.describe(
        root, every, asked=list(every.values()), node=program, env=_ENV, parallel=2
    )
    assert not built.errors
    return {id.removeprefix("src/"): answers[file] for id, file in every.items()}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["what"])
def test_row_has_its_verdict(row: dict[str, Any], described: dict[tuple[str, str], Schema]) -> None:
    emitter, subscriber = (_schema(row[side], described) for side in ("emitter", "subscriber"))

    verdict = fits(emitter, subscriber)

    match row["verdict"]:
        case "fits":
            assert verdict == Fits(), (emitter, subscriber)
        case "does not fit":
            assert isinstance(verdict, DoesNotFit), (emitter, subscriber)
            assert verdict.path == row.get("path", "")
        case "cannot decide":
            assert isinstance(verdict, CannotDecide), (emitter, subscriber)
            assert verdict.keyword == row["keyword"]


def _schema(side: dict[str, Any], described: dict[tuple[str, str], Schema]) -> Schema:
    ((notation, source),) = side.items()
    return normalise(source) if notation == "schema" else described[notation, source]
