"""A project in Motia 0.17's manner is imported, compiled and run; what cannot be carried over is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.ports import free_ports
from tests.integration.wistro.running import a_project, ask, run, wistro
from wistro.compiler import motia

FILES = {
    "package.json": json.dumps(
        {
            "name": "parcels",
            "type": "module",
            "scripts": {
                "postinstall": "motia install",
                "dev": "motia dev",
                "image": "motia docker build",
                "lint": "eslint .",
            },
            "dependencies": {"motia": "0.17.6", "zod": "4.1.12", "@motiadev/plugin-logs": "0.17.6"},
        }
    ),
    "motia.config.ts": "import p from '@motiadev/plugin-cloud/plugin'\n"
    "import l from '@motiadev/plugin-logs/plugin'\n"
    "export default { plugins: [p, l], streamAuth: {}, adapters: {} }\n",
    "motia-workbench.json": "[]",
    ".gitignore": "node_modules",
    "src/parcels/take.step.ts": """
import { ApiRouteConfig, Handlers } from 'motia'
import { z } from 'zod'

export const config: ApiRouteConfig = {
  type: 'api', name: 'Take', flows: ['parcels'], method: 'POST', path: '/parcels',
  bodySchema: z.object({ id: z.string(), grams: z.number() }),
  responseSchema: { 202: z.object({ traceId: z.string() }) },
  emits: [{ topic: 'parcel.taken', label: 'taken' }],
}

export const handler: Handlers['Take'] = async (req, { emit, logger, traceId }) => {
  logger.info('taken', { id: req.body.id, place: process.env.DEPOT ?? 'nowhere' })
  await emit({ topic: 'parcel.taken', data: req.body })
  return { status: 202, body: { traceId } }
}
""",
    "src/parcels/weigh_step.py": """
import os
from pydantic import BaseModel


class Parcel(BaseModel):
    id: str
    grams: float


config = {
    "type": "event", "name": "Weigh", "flows": ["parcels"], "subscribes": ["parcel.taken"], "includeFiles": ["./a.txt"],
    "emits": ["parcel.weighed"], "input": Parcel.model_json_schema(),
    "infrastructure": {"handler": {"timeout": 10, "ram": 2048}, "queue": {"maxRetries": 2}},
}


async def handler(input_data, context):
    await context.state.set("parcels", input_data.get("id"), {**input_data, "unit": os.environ.get("UNIT", "g")})
    await context.emit({"topic": "parcel.weighed", "data": {"seen": len(await context.state.get_group("parcels"))}})
""",
    "steps/note.step.js": """
export const config = {
  type: 'event', name: 'Note', flows: ['parcels'], subscribes: ['parcel.weighed'], emits: [], input: null,
}
export const handler = async (input, { state }) => state.set('notes', 'last', input)
""",
    "steps/list.step.ts": """
import type { ApiRouteConfig, Handlers } from 'motia'
export const config: ApiRouteConfig = {
  type: 'api', name: 'List', flows: ['parcels'], method: 'GET', path: '/parcels', emits: [],
}
export const handler: Handlers['List'] = async (_, { state }) => ({
  status: 200, body: { parcels: await state.getGroup('parcels'), note: await state.get('notes', 'last') },
})
""",
    "steps/live.step.ts": """
import { ApiRouteConfig, MotiaStream } from 'motia'
export const config: ApiRouteConfig = { type: 'api', name: 'Live', method: 'GET', path: '/live', flows: ['parcels'], emits: [] }
export const handler = async (_: unknown, { streams }: { streams: { parcels: MotiaStream } }) => ({ status: 200, body: { at: streams } })
""",
    "src/parcels/parcel.stream.ts": "export const config = { name: 'parcel' }\n",
    "src/parcels/old_step.rb": "def handler(input, context) = nil\n",
    "src/parcels/take.step.tsx": "export default () => null\n",
}


@pytest.fixture
def parcels(project: Path) -> Path:
    (project / ".wistro" / ".keep").touch()
    return a_project(project, FILES)


def test_every_change_and_everything_left_is_named(parcels: Path) -> None:
    found = motia.plan(parcels)

    assert {(one.file, one.what.partition(":")[0]) for one in found.changes} == {
        ("package.json", "no longer depends on motia, @motiadev/plugin-logs"),
        ("package.json", "script `postinstall` is gone"),
        ("package.json", "script `dev`"),
        ("src/parcels/take.step.ts", "types come from '@wistro/sdk'"),
        ("steps/list.step.ts", "types come from '@wistro/sdk'"),
        ("wistro.yml", "`defaults"),
        ("wistro.yml", "`env`"),
        ("wistro.yml", "`flows`"),
        (".gitignore", "ignores `.wistro/`"),
        ("motia-workbench.json", "is gone"),
        ("motia.config.ts", "is gone"),
    }
    assert [(one.where, one.what) for one in found.left] == [
        ("motia.config.ts", "plugin `cloud`"),
        ("motia.config.ts:3", "`adapters`"),
        ("motia.config.ts:3", "`streamAuth`"),
        ("package.json", "script `image` runs `motia docker build`"),
        ("src/parcels/old_step.rb", "is Ruby, which wistro does not run"),
        ("src/parcels/parcel.stream.ts", "is a stream, which wistro does not have"),
        ("src/parcels/take.step.tsx", "draws a step in Motia's Workbench"),
        ("steps/live.step.ts:2", "imports from `motia`"),
        ("steps/live.step.ts:4", "uses `streams`, which wistro does not have"),
    ]
    assert all(one.hint for one in found.left)


def test_a_project_below_a_folder_that_is_skipped_in_projects_is_read(tmp_path: Path) -> None:
    root = tmp_path / "dist" / "parcels"
    a_project(root, FILES)

    assert "src/parcels/take.step.ts" in motia.plan(root).texts


async def test_a_dry_run_writes_nothing(parcels: Path) -> None:
    before = contents(parcels)

    code, said = await run("import", "motia", "--dry-run", folder=parcels)

    assert code == 0 and "Would change" in said
    assert contents(parcels) == before


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_what_was_imported_compiles_and_runs(parcels: Path) -> None:
    for name in ("steps/live.step.ts", "src/parcels/old_step.rb", "src/parcels/parcel.stream.ts"):
        (parcels / name).unlink()
    (parcels / "src/parcels/take.step.tsx").unlink()

    code, said = await run("import", "motia", folder=parcels)
    assert code == 0, said
    code, said = await run("lock", folder=parcels)
    assert code == 0, said
    assert "`infrastructure.handler.ram` changes nothing here" in said
    assert "`includeFiles` changes nothing here" in said
    (port,) = free_ports(1)
    env = {"DEPOT": "Kiel", "UNIT": "kg", "PATH": __import__("os").environ["PATH"]}
    async with wistro("start", "--port", str(port), folder=parcels, env=env) as started:
        await started.line("serving")
        refused = await ask(port, "POST", "/parcels", {"id": 7})
        taken = await ask(port, "POST", "/parcels", {"id": "p1", "grams": 20})
        assert (refused.status, taken.status) == (422, 202), (refused.body, taken.body)
        await started.line("taken")
        while (listed := (await ask(port, "GET", "/parcels")).json)["note"] is None:
            pass

    assert listed == {
        "parcels": [{"id": "p1", "grams": 20, "unit": "kg"}],
        "note": {"seen": 1},
    }
    assert any("Kiel" in line for line in started.said)


async def test_what_is_no_motia_project_or_was_imported_is_said(tmp_path: Path) -> None:
    code, said = await run("import", "motia", folder=tmp_path)
    assert code == 1 and "import.no-motia" in said

    (tmp_path / "motia-workbench.json").write_text("[]")
    assert (await run("import", "motia", folder=tmp_path))[0] == 0
    (tmp_path / "motia-workbench.json").write_text("[]")
    code, said = await run("import", "motia", folder=tmp_path)

    assert code == 1 and "import.already" in said
