"""What is wrong with a project is said with a code, a place, what it is and what to do: all of it at once."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from wistro.compiler import compile_project
from wistro.errors import UserError

ENDPOINT = """
config = {"type": "api", "name": "Take", "method": "POST", "path": "/take", "public": True, "emits": ["taken"]}
async def handler(req, ctx): ...
"""
HEARS = """
config = {"type": "event", "name": "Hear", "subscribes": ["taken"], "emits": []}
def handler(message, ctx): ...
"""


@dataclass(frozen=True)
class Mistake:
    """A project's files, and what must be said of them."""

    code: str
    says: str
    where: str
    files: dict[str, str]
    hint: str = ""


def step(text: str, path: str = "src/take.step.py") -> dict[str, str]:
    return {path: text, "src/hear.step.py": HEARS}


MISTAKES = {
    "a type that is none": Mistake(
        "lock.config", "`type` is `evnt`", "src/hear.step.py:2",
        {"src/take.step.py": ENDPOINT, "src/hear.step.py": HEARS.replace('"event"', '"evnt"')},
        hint="did you mean `event`?",
    ),
    "a key that nothing reads": Mistake(
        "lock.unknown-key", "has no key `emit`", "src/hear.step.py:2",
        {"src/take.step.py": ENDPOINT, "src/hear.step.py": HEARS.replace('"emits"', '"emit"')},
        hint="did you mean `emits`?",
    ),
    "a value of another kind": Mistake(
        "lock.config", "`timeout`", "src/hear.step.py:2",
        {"src/take.step.py": ENDPOINT, "src/hear.step.py": HEARS.replace('"emits"', '"timeout": "soon", "emits"')},
    ),
    "a key of a later release": Mistake(
        "lock.not-yet", "`streams`", "src/hear.step.py:2",
        {"src/take.step.py": ENDPOINT, "src/hear.step.py": HEARS.replace('"emits"', '"streams": [], "emits"')},
    ),
    "no config": Mistake("lock.no-config", "config", "src/take.step.py:1", step("def handler(req, ctx): ...\n")),
    "no handler": Mistake("lock.no-handler", "handler", "src/take.step.py:2", step(ENDPOINT.replace("async def handler", "async def handel"))),
    "a file that raises": Mistake("lock.import", "no such thing", "src/take.step.py:2", step("\nraise ValueError('no such thing')\n")),
    "a file that Python cannot read": Mistake("lock.syntax", "", "src/take.step.py:2", step("\nconfig = {\n")),
    "a file that exits": Mistake("lock.import", "", "src/take.step.py:", step("import os\nos._exit(3)\n")),
    "nobody emits it": Mistake(
        "lock.unknown-topic", "`take`", "src/hear.step.py:2",
        {"src/take.step.py": ENDPOINT, "src/hear.step.py": HEARS.replace('["taken"]', '["take"]')},
        hint="did you mean `taken`?",
    ),
    "an emit that does not fit its subscriber": Mistake(
        "lock.does-not-fit", "quantity", "src/take.step.py:2",
        {
            "src/take.step.py": ENDPOINT.replace(
                '["taken"]',
                '[{"topic": "taken", "schema": {"type": "object", "required": ["quantity"], "properties": {"quantity": {"type": "string"}}}}]',
            ),
            "src/hear.step.py": HEARS.replace(
                '"emits"', '"input": {"type": "object", "required": ["quantity"], "properties": {"quantity": {"type": "integer"}}}, "emits"'
            ),
        },
    ),
    "an endpoint open by forgetfulness": Mistake("lock.open-endpoint", "/take", "src/take.step.py:2", step(ENDPOINT.replace('"public": True, ', ""))),
    "two at one path": Mistake(
        "lock.duplicate-endpoint", "POST /take", "src/two.step.py:2",
        step(ENDPOINT) | {"src/two.step.py": ENDPOINT.replace('"Take"', '"Two"')},
    ),
    "two of one name": Mistake(
        "lock.duplicate-name", "`Take`", "src/two.step.py:2",
        step(ENDPOINT) | {"src/two.step.py": ENDPOINT.replace("/take", "/two")},
    ),
    "a schedule that never fires": Mistake(
        "lock.cron", "0 0 30 2 *", "src/tick.step.py:1",
        step(ENDPOINT) | {"src/tick.step.py": 'config = {"type": "cron", "name": "Tick", "cron": "0 0 30 2 *", "emits": []}\ndef handler(ctx): ...\n'},
    ),
    "a flow that nothing starts": Mistake(
        "lock.flow-without-way-in", "`audit`", "wistro.yml:1",
        step(ENDPOINT) | {"wistro.yml": "flows: {audit: {name: Audit}}\n"},
    ),
    "a wistro.yml that is no YAML": Mistake("yaml.", "", "wistro.yml:2", step(ENDPOINT) | {"wistro.yml": "name: shop\n  env: [A\n"}),
    "a wistro.yml with a line out of its column": Mistake(
        "yaml.unreadable", "is not YAML", "wistro.yml:4",
        step(ENDPOINT) | {"wistro.yml": "name: shop\nflows:\n  a: {name: A}\n env: [A]\n"}, hint="indentation",
    ),
    "a wistro.yml indented by a tab": Mistake(
        "yaml.unreadable", "is not YAML", "wistro.yml:2", step(ENDPOINT) | {"wistro.yml": "flows:\n\ta: {name: A}\n"}, hint="a tab cannot indent",
    ),
    "a wistro.yml with a key that lost its indentation": Mistake(
        "lock.unknown-key", "`audit`", "wistro.yml:2",
        step(ENDPOINT) | {"wistro.yml": "flows:\naudit: {name: Audit}\n"}, hint="If it belongs to `flows`, indent it.",
    ),
    "an env that is a mapping": Mistake(
        "lock.config", "`env` is a list", "wistro.yml:1", step(ENDPOINT) | {"wistro.yml": "env: {KEY: 5}\n"}, hint="env: [STRIPE_KEY",
    ),
    "a variable that is not declared": Mistake(
        "lock.import", "KeyError: 'API_KEY'", "src/take.step.py:3",
        step("import os\n\nKEY = os.environ['API_KEY']\n" + ENDPOINT), hint="`env: [API_KEY]`",
    ),
    "a key that no mapping has": Mistake(
        "lock.import", "KeyError: 'red'", "src/take.step.py:1", step("COLOUR = {}['red']\n" + ENDPOINT),
    ),
    "a wistro.yml with an anchor": Mistake("yaml.", "", "wistro.yml:1", step(ENDPOINT) | {"wistro.yml": "env: &a [ONE]\n"}),
    "a wistro.yml with a key twice": Mistake("yaml.", "name", "wistro.yml:2", step(ENDPOINT) | {"wistro.yml": "name: a\nname: b\n"}),
    "a wistro.yml with a key that nothing reads": Mistake(
        "lock.unknown-key", "`flow`", "wistro.yml:2", step(ENDPOINT) | {"wistro.yml": "name: a\nflow: {}\n"}, hint="did you mean `flows`?"
    ),
    "a name that is no label": Mistake("lock.config", "`Shop!`", "wistro.yml:1", step(ENDPOINT) | {"wistro.yml": "name: Shop!\n"}),
    "a version that YAML reads as a number": Mistake("lock.config", "is a text", "wistro.yml:1", step(ENDPOINT) | {"wistro.yml": "runtimes: {python: 3.10}\n"}),
    "a Go step without a go.mod": Mistake("lock.go-module", "no go.mod", "go.mod", step(ENDPOINT) | {"src/ship.step.go": "package ship\n"}, hint="wistro install"),
    "an emit's key that nothing reads": Mistake(
        "lock.unknown-key", "has no key `schem`", "src/take.step.py:2",
        step(ENDPOINT.replace('["taken"]', '[{"topic": "taken", "schem": {}}]')), hint="did you mean `schema`?",
    ),
    "a retry's key that nothing reads": Mistake(
        "lock.unknown-key", "has no key `maximum`", "src/hear.step.py:2",
        {"src/take.step.py": ENDPOINT, "src/hear.step.py": HEARS.replace('"emits"', '"retries": {"maximum": 3}, "emits"')}, hint="did you mean `max`?",
    ),
    "a method that is none": Mistake(
        "lock.config", "`PSOT`", "src/take.step.py:2", step(ENDPOINT.replace('"POST"', '"PSOT"')), hint="did you mean `POST`?"
    ),
    "a path without a slash": Mistake("lock.path", "starts with a slash", "src/take.step.py:2", step(ENDPOINT.replace('"/take"', '"take"'))),
    "a path that names a parameter twice": Mistake(
        "lock.path", "names a parameter twice", "src/take.step.py:2", step(ENDPOINT.replace('"/take"', '"/take/:id/of/:id"'))
    ),
    "a step without a name": Mistake("lock.config", "`name`", "src/take.step.py:2", step(ENDPOINT.replace('"name": "Take", ', ""))),
    "an event step that hears nothing": Mistake(
        "lock.config", "subscribes to nothing", "src/deaf.step.py:2",
        step(ENDPOINT) | {"src/deaf.step.py": HEARS.replace('"Hear"', '"Deaf"').replace('["taken"]', "[]")}, hint="subscribes: ['order.created']",
    ),
    "an emit that is named twice": Mistake(
        "lock.config", "names `taken` twice", "src/take.step.py:2", step(ENDPOINT.replace('["taken"]', '["taken", {"topic": "taken"}]'))
    ),
    "a schema that is none": Mistake(
        "lock.config", "`bodySchema`", "src/take.step.py:2", step(ENDPOINT.replace('"emits"', '"bodySchema": 3, "emits"'))
    ),
    "a schema that refers outside": Mistake(
        "schema.unusable", "outside of itself", "src/take.step.py:2",
        step(ENDPOINT.replace('"emits"', '"bodySchema": {"$ref": "https://example.com/s"}, "emits"')),
    ),
    "a status that is none": Mistake(
        "lock.config", "the status `ok`", "src/take.step.py:2", step(ENDPOINT.replace('"emits"', '"responseSchema": {"ok": {}}, "emits"'))
    ),
    "types that only checkers have": Mistake(
        "lock.import", "No module named 'wistro_types'", "src/take.step.py:1",
        step("from wistro_types import Take\n" + ENDPOINT), hint="import it under `if TYPE_CHECKING:`",
    ),
    "two subscribers that no message fits both": Mistake(
        "lock.contradictory-topic", "no message fits both at `/n`", "src/other.step.py:2",
        {
            "src/take.step.py": ENDPOINT,
            "src/hear.step.py": HEARS.replace('"emits"', '"input": {"type": "object", "required": ["n"], "properties": {"n": {"type": "string"}}}, "emits"'),
            "src/other.step.py": HEARS.replace('"Hear"', '"Other"').replace(
                '"emits"', '"input": {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}, "emits"'
            ),
        }, hint="Make their inputs agree",
    ),
    "two at one path that name its parameter differently": Mistake(
        "lock.duplicate-endpoint", "POST /take/:b", "src/two.step.py:2",
        step(ENDPOINT.replace('"/take"', '"/take/:a"')) | {"src/two.step.py": ENDPOINT.replace('"Take"', '"Two"').replace('"/take"', '"/take/:b"')},
        hint="Change the path or the method",
    ),
    "an entry of wistro.yml at a step's path": Mistake(
        "lock.duplicate-endpoint", "POST /take", "wistro.yml:2",
        step(ENDPOINT) | {"wistro.yml": "api:\n  - {path: /take, method: POST, emits: taken, public: true}\n"},
    ),
    "an entry of wistro.yml open by forgetfulness": Mistake(
        "lock.open-endpoint", "/hook", "wistro.yml:2", step(ENDPOINT) | {"wistro.yml": "api:\n  - {path: /hook, method: POST, emits: taken}\n"}, hint="Say who may call it",
    ),
    "an entry's key that nothing reads": Mistake(
        "lock.unknown-key", "`methd`", "wistro.yml:4",
        step(ENDPOINT) | {"wistro.yml": "api:\n  - path: /hook\n    emits: taken\n    methd: POST\n    public: true\n"}, hint="did you mean `method`?",
    ),
    "a schedule of wistro.yml that never fires": Mistake(
        "lock.cron", "0 0 31 2 *", "wistro.yml:3", step(ENDPOINT) | {"wistro.yml": "cron:\n  night:\n    schedule: 0 0 31 2 *\n    emits: taken\n"}
    ),
    "a schedule's key that nothing reads": Mistake(
        "lock.unknown-key", "`shedule`", "wistro.yml:3",
        step(ENDPOINT) | {"wistro.yml": "cron:\n  night:\n    shedule: 0 0 1 2 *\n    schedule: 0 0 1 2 *\n    emits: taken\n"}, hint="did you mean `schedule`?",
    ),
    "a time zone that is none": Mistake(
        "lock.config", "`Europe/Berlim`", "src/tick.step.py:1",
        step(ENDPOINT) | {"src/tick.step.py": 'config = {"type": "cron", "name": "Tick", "cron": "0 0 * * *", "timezone": "Europe/Berlim", "emits": []}\ndef handler(ctx): ...\n'},
        hint="Europe/Berlin",
    ),
    "a flow whose steps only wait for each other": Mistake(
        "lock.flow-without-way-in", "`loop`", "src/hear.step.py:2",
        {
            "src/take.step.py": ENDPOINT.replace('["taken"]', "[]"),
            "src/hear.step.py": HEARS.replace('"emits": []', '"emits": ["heard"], "flows": ["loop"]'),
            "src/tell.step.py": HEARS.replace('"Hear"', '"Tell"').replace('["taken"]', '["heard"]').replace('"emits": []', '"emits": ["taken"], "flows": ["loop"]'),
        }, hint="Give it an endpoint",
    ),
    "one id from two files": Mistake(
        "lock.file-name", "are both the step `src/take`", "src/take_step.py:1", step(ENDPOINT) | {"src/take_step.py": ENDPOINT}, hint="Rename one"
    ),
    "a language that is none of ours": Mistake("lock.language", "src/take.step.rb", "src/take.step.rb:1", step(ENDPOINT) | {"src/take.step.rb": "x"}),
    "no step at all": Mistake("lock.no-steps", "src/", "", {"src/lib.py": ""}),
}  # fmt: skip


def write(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(textwrap.dedent(text))
    return root


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_said_where_it_is(tmp_path: Path, mistake: Mistake):
    compiled = compile_project(write(tmp_path, mistake.files))

    assert compiled.lock is None
    (error,) = compiled.problems
    assert error.code.startswith(mistake.code)
    assert mistake.says in error.message
    assert (error.where or "").startswith(mistake.where)
    assert mistake.hint in (error.hint or "")
    assert isinstance(error, UserError) and len(error.message) > 10


def test_everything_is_said_at_once_in_the_order_of_the_files(tmp_path: Path):
    files = {
        "src/a.step.py": ENDPOINT.replace('"public": True, ', ""),
        "src/b.step.py": HEARS.replace('"event"', '"evnt"'),
        "src/c.step.py": "raise SystemExit\n",
    }

    compiled = compile_project(write(tmp_path, files))

    assert [one.where for one in compiled.problems] == [
        "src/a.step.py:2",
        "src/b.step.py:2",
        "src/c.step.py:1",
    ]


def test_what_is_missing_is_said_beside_what_is_wrong(tmp_path: Path):
    """A mistake that hides no emit does not hide that a topic has none, that a flow has no way in, or another key."""
    files = {
        "src/a.step.py": ENDPOINT.replace('"/take"', '"take"').replace('"POST"', '"PSOT"').replace('"Take"', '""'),
        "src/b.step.py": HEARS.replace('["taken"]', '["lost"]').replace('"emits"', '"timeout": "soon", "retries": 3, "emits"'),
        "wistro.yml": "name: Shop!\nflows: {audit: {name: Audit}}\nenv: [lower]\n",
    }  # fmt: skip

    compiled = compile_project(write(tmp_path, files))

    assert sorted((one.where, one.code) for one in compiled.problems) == [
        ("src/a.step.py:2", "lock.config"),  # name
        ("src/a.step.py:2", "lock.config"),  # method
        ("src/a.step.py:2", "lock.path"),
        ("src/b.step.py:2", "lock.config"),  # timeout
        ("src/b.step.py:2", "lock.config"),  # retries
        ("src/b.step.py:2", "lock.unknown-topic"),
        ("wistro.yml:1", "lock.config"),
        ("wistro.yml:2", "lock.flow-without-way-in"),
        ("wistro.yml:3", "lock.config"),
    ]


@pytest.mark.parametrize(
    "hides", ['"emit": ["lost"]', '"emits": "lost"', '"emits": [3]'], ids=["emit", "text", "number"]
)
def test_what_an_unread_emit_may_hold_is_not_called_missing(tmp_path: Path, hides: str):
    files = {
        "src/a.step.py": ENDPOINT.replace('"emits": ["taken"]', hides),
        "src/b.step.py": HEARS.replace('["taken"]', '["lost"]'),
    }

    compiled = compile_project(write(tmp_path, files))

    assert [one.where for one in compiled.problems] == ["src/a.step.py:2"]


def test_each_key_is_pointed_at_in_a_config_of_many_lines(tmp_path: Path):
    config = (
        ENDPOINT.replace(", ", ",\n    ").replace('"/take"', '"take"').replace('"POST"', '"PSOT"')
    )
    files = {
        "src/a.step.py": config.replace('["taken"]', '[\n        {"topic": "taken",\n "schem": 1}]')
    }

    compiled = compile_project(write(tmp_path, files | {"src/hear.step.py": HEARS}))

    assert [(one.where, one.code) for one in compiled.problems] == [
        ("src/a.step.py:4", "lock.config"),
        ("src/a.step.py:5", "lock.path"),
        ("src/a.step.py:8", "lock.unknown-key"),
    ]


TYPESCRIPT = """import type { EventConfig } from '@wistro/sdk';

export const config = { type: 'event', name: 'Hear', subscribes: ['taken'], emits: [] } satisfies EventConfig;

export const handler = async () => {};
"""
IN_TYPESCRIPT = {
    "a file that cannot be read": ("lock.syntax", "Expected", "src/hear.step.ts:6", "", TYPESCRIPT + "const = 3;\n"),
    "a package that is not there": (
        "lock.", "left-pad", "src/hear.step.ts:1", "wistro install", "import pad from 'left-pad'; pad;\n" + TYPESCRIPT,
    ),
    "a file that is not there": ("lock.syntax", "./prices", "src/hear.step.ts:1", "Is the path right?", "import './prices';\n" + TYPESCRIPT),
    "a file that throws": ("lock.import", "no such thing", "src/hear.step.ts:6", "", TYPESCRIPT + "throw new Error('no such thing');\n"),
    "no config": ("lock.no-config", "`config`", "src/hear.step.ts:1", "", TYPESCRIPT.replace("export const config", "const config")),
    "no handler": ("lock.no-handler", "`handler`", "src/hear.step.ts:3", "export it", TYPESCRIPT.replace("export const handler", "const handler")),
    "a key that nothing reads": ("lock.unknown-key", "`emit`", "src/hear.step.ts:3", "did you mean `emits`?", TYPESCRIPT.replace("emits:", "emit:")),
    "a topic that nothing emits": ("lock.unknown-topic", "`take`", "src/hear.step.ts:3", "did you mean `taken`?", TYPESCRIPT.replace("['taken']", "['take']")),
}  # fmt: skip


@pytest.mark.parametrize("what", IN_TYPESCRIPT)
def test_a_mistake_in_typescript_is_said_where_it_is(project: Path, what: str):
    code, says, where, hint, text = IN_TYPESCRIPT[what]

    compiled = compile_project(
        write(project, {"src/take.step.py": ENDPOINT, "src/hear.step.ts": text})
    )

    (error,) = compiled.problems
    assert error.code.startswith(code) and says in error.message
    assert error.where == where
    assert hint in (error.hint or "")


def test_a_topic_from_outside_is_emitted_by_nobody_here(tmp_path: Path):
    files = {"src/hear.step.py": HEARS, "wistro.yml": "topics: {taken: {from: outside}}\n"}

    assert compile_project(write(tmp_path, files)).problems == []


def test_a_topic_that_nobody_hears_is_a_warning(tmp_path: Path):
    compiled = compile_project(write(tmp_path, {"src/take.step.py": ENDPOINT}))

    assert compiled.lock is not None
    assert [one.code for one in compiled.warnings] == ["lock.unheard-topic"]


def test_a_project_open_by_default_says_so(tmp_path: Path):
    files = step(ENDPOINT.replace('"public": True, ', "")) | {
        "wistro.yml": "defaults: {public: true}\n"
    }

    compiled = compile_project(write(tmp_path, files))

    assert compiled.lock is not None
    assert compiled.warnings[0].code == "lock.public-by-default"


@pytest.mark.parametrize("name", ["PATH", "WISTRO_DATA", "LD_PRELOAD", "shop", "_X", "A" * 101])
def test_a_variable_that_the_system_sets_or_that_is_no_name_is_refused(tmp_path: Path, name: str):
    compiled = compile_project(write(tmp_path, step(ENDPOINT) | {"wistro.yml": f"env: [{name}]\n"}))

    (error,) = compiled.problems
    assert (error.code, error.where) == ("lock.config", "wistro.yml:1")
