"""`wistro lock` of a mixed project, and `wistro check` after it: cold, unchanged, one file changed.

`python -m bench.lock [--steps 100] [--rounds 3] [--short]`. A chain of steps in Python, TypeScript, JavaScript and Go, each
with a schema of its own; the Python ones import pydantic, the TypeScript ones share a module. Cold: tools are
installed and nothing was compiled before (Go's own build cache is as it was); no time is asserted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.report import machine, median, table
from bench.systems import ROOT

LANGUAGES = ("python", "typescript", "javascript", "go")
SUFFIX = {"python": "py", "typescript": "ts", "javascript": "mjs", "go": "go"}
PYTHON = """from pydantic import BaseModel


class Order(BaseModel):
    sku: str
    quantity: int = 1
    note: str = ""


config = {{
    "type": "event", "name": "Step {n}", "flows": ["chain"], "subscribes": ["t.{n}"],
    "input": Order, "emits": [{{"topic": "t.{next}", "schema": Order}}],
}}


async def handler(order, ctx):
    await ctx.emit({{"topic": "t.{next}", "data": order}})
"""
TYPESCRIPT = """import type {{ EventConfig, Handlers }} from '@wistro/sdk';
import {{ order }} from '../lib/order';

export const config = {{
  type: 'event', name: 'Step {n}', flows: ['chain'], subscribes: ['t.{n}'],
  input: order, emits: [{{ topic: 't.{next}', schema: order }}],
}} satisfies EventConfig;

export const handler: Handlers['Step {n}'] = async (message, {{ emit }}) => {{
  await emit({{ topic: 't.{next}', data: message }});
}};
"""
JAVASCRIPT = """const order = {{
  type: 'object', required: ['sku'],
  properties: {{ sku: {{ type: 'string' }}, quantity: {{ type: 'integer' }}, note: {{ type: 'string' }} }},
}};
export const config = {{
  type: 'event', name: 'Step {n}', flows: ['chain'], subscribes: ['t.{n}'],
  input: order, emits: [{{ topic: 't.{next}', schema: order }}],
}};
export const handler = async (message, {{ emit }}) => emit({{ topic: 't.{next}', data: message }});
"""
GO = """package step{n}

import "wistro.dev/sdk"

type Order struct {{
	Sku      string `json:"sku"`
	Quantity int    `json:"quantity,omitempty"`
	Note     string `json:"note,omitempty"`
}}

var Next = sdk.Topic[Order]("t.{next}")

var Step = sdk.Event(sdk.EventConfig{{
	Name: "Step {n}", Flows: []string{{"chain"}}, Subscribes: sdk.Topics("t.{n}"), Emits: sdk.Emits(Next),
}}, func(ctx *sdk.Context, order Order) error {{ return Next.Emit(ctx, order) }})
"""
TEXT = {"python": PYTHON, "typescript": TYPESCRIPT, "javascript": JAVASCRIPT, "go": GO}
SHARED = """export const order = {
  type: 'object', required: ['sku'],
  properties: { sku: { type: 'string' }, quantity: { type: 'integer' }, note: { type: 'string' } },
};
"""
FIRST = """config = {
    "type": "api", "name": "First", "flows": ["chain"], "method": "POST", "path": "/first", "public": True,
    "bodySchema": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}, "additionalProperties": False},
    "emits": [{"topic": "t.0", "schema": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}, "additionalProperties": False}}],
}


async def handler(req, ctx):
    await ctx.emit({"topic": "t.0", "data": req.body})
"""
GO_MOD = "module chain\n\ngo 1.22\n\nrequire wistro.dev/sdk v0.0.0\n\nreplace wistro.dev/sdk => ./.wistro/sdk/go\n"


@dataclass
class Times:
    """Seconds, one a round."""

    cold: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    changed: dict[str, list[float]] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--short", action="store_true", help="8 steps, one round, `wistro lock` alone"
    )
    options = parser.parse_args()
    steps, rounds = (8, 1) if options.short else (options.steps, options.rounds)
    with tempfile.TemporaryDirectory(prefix="wistro-bench-") as scratch:
        root = Path(scratch) / "chain"
        files = write(root, steps)
        found = {name: Times() for name in (["lock"] if options.short else ["lock", "check"])}
        for command in found:
            wistro(root, command)  # tools, and Go's build cache of its own library
        for _ in range(rounds):
            shutil.rmtree(root / ".wistro" / "cache")
            shutil.rmtree(root / ".wistro" / "build", ignore_errors=True)
            for command, times in found.items():
                measure(root, command, files, times)
    print(f"lock  {machine()}")
    told = f"{rounds} round{'s' if rounds > 1 else ''}; seconds, medians"
    print(f"      {steps} steps in {len(LANGUAGES)} languages, {told}\n")
    rows = [
        [f"wistro {name}", f"{median(one.cold, 2)}", f"{median(one.warm, 2)}"]
        + [f"{median(one.changed[language], 2)}" for language in LANGUAGES]
        for name, one in found.items()
    ]
    print(table(["", "cold", "unchanged", *(f"one {one}" for one in LANGUAGES)], rows))


def write(root: Path, steps: int) -> dict[str, Path]:
    """The project; one step file of each language."""
    files: dict[str, Path] = {}
    (root / "src" / "lib").mkdir(parents=True)
    (root / "src" / "lib" / "order.ts").write_text(SHARED)
    (root / "src" / "first.step.py").write_text(FIRST)
    (root / "go.mod").write_text(GO_MOD)
    for number in range(steps - 1):
        language = LANGUAGES[number % len(LANGUAGES)]
        path = root / "src" / f"step{number}" / f"step.step.{SUFFIX[language]}"
        path.parent.mkdir()
        path.write_text(TEXT[language].format(n=number, next=number + 1))
        files[language] = path
    return files


def measure(root: Path, command: str, files: dict[str, Path], times: Times) -> None:
    times.cold.append(wistro(root, command))
    times.warm.append(wistro(root, command))
    for language, path in files.items():
        comment = "#" if language == "python" else "//"
        path.write_text(f"{path.read_text()}{comment} {time.monotonic_ns()}\n")
        times.changed.setdefault(language, []).append(wistro(root, command))


def wistro(root: Path, command: str) -> float:
    """Seconds that the command takes as a process of its own."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "wistro.cli", command],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"wistro {command} ended with {done.returncode}\n{done.stderr[-3000:]}")
    return time.monotonic() - began


if __name__ == "__main__":
    main()
