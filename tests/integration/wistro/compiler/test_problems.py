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
