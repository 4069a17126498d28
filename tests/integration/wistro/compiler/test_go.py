"""Go steps into the lock: what they are, and everything that may be wrong with them, told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from wistro.compiler import Compiled, compile_project
from wistro.languages.building import build
from wistro.lock.model import Lock

pytestmark = pytest.mark.timeout(300)  # Go compiles its standard library once a machine
GO_MOD = """module shop

go 1.22

require wistro.dev/sdk v0.0.0

replace wistro.dev/sdk => ./.wistro/sdk/go
"""
SHIP = """package shipping

import (
	_ "embed"
	"time"

	"shop/lib/money"
	"wistro.dev/sdk"
)

//go:embed note.txt
var note string

type Payment struct {
	OrderID string       `json:"order_id"`
	Amount  money.Amount `json:"amount"`
	Method  string       `json:"method" enum:"card,cash"`
	Paid    *time.Time   `json:"paid,omitempty"`
	Note    *string      `json:"note"`
	Parts   []*Payment   `json:"parts"`
}

var (
	Shipped = sdk.Topic[Shipment]("order.shipped")
	Lost    = sdk.Topic[map[string]int]("order.lost")
)

type Shipment struct {
	Base
	Boxes [2]uint `json:"boxes"`
	inner int
}

type Base struct {
	Raw  []byte `json:"raw,omitempty"`
	Free any    `json:"free"`
}

var Ship = sdk.Event(sdk.EventConfig{
	Name: "Ship", Description: "Sends it", Flows: []string{"orders"},
	Subscribes: sdk.Topics("payment.done"), Emits: sdk.Emits(Shipped, Lost.Conditional(), sdk.Name("order.noted")),
	Retries: &sdk.Retries{Max: sdk.NoRetries}, Timeout: "5s",
}, func(ctx *sdk.Context, p Payment) error { return nil })

func made(name string) *sdk.Step {
	return sdk.Cron(sdk.CronConfig{
		Name: name, Cron: "0 2 * * *", Emits: sdk.Emits(sdk.Topic[Payment]("payment.done")), Flows: []string{"orders"},
	}, func(ctx *sdk.Context) error { return nil })
}

var nightly, _ = made("Nightly"), note
"""
ANSWER = """package shipping

import "wistro.dev/sdk"

var Answer = sdk.API(sdk.APIConfig{
	Name: "Answer", Method: "POST", Path: "/ships/:id", Auth: []sdk.Auth{{"type": "api_key", "keys": []string{"$KEY"}}},
	ResponseSchema: map[int]sdk.Schema{202: sdk.SchemaOf[Shipment]()},
}, func(ctx *sdk.Context, request *sdk.Request[any]) (*sdk.Response, error) { return nil, nil })
"""
PROJECT = {
    "go.mod": GO_MOD,
    "wistro.yml": "env: [KEY]\n",
    "src/shipping/ship.step.go": SHIP,
    "src/shipping/answer.step.go": ANSWER,
    "src/shipping/note.txt": "a note\n",
    "src/shipping/ship_test.go": "package shipping\n",
    "lib/money/money.go": 'package money\n\ntype Amount struct {\n\tCents int64 `json:"cents"`\n}\n',
}


def laid(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return laid(tmp_path_factory.mktemp("shop"), PROJECT)


@pytest.fixture(scope="module")
def lock(shop: Path) -> Lock:
    compiled = compile_project(shop)
    assert compiled.lock is not None, [one.message for one in compiled.problems]
    return compiled.lock


def test_every_step_value_of_a_file_is_a_step(lock: Lock) -> None:
    assert {id: (step.file, step.export) for id, step in lock.steps.items()} == {
        "src/shipping/answer#Answer": ("src/shipping/answer.step.go", "Answer"),
        "src/shipping/ship#Ship": ("src/shipping/ship.step.go", "Ship"),
        "src/shipping/ship#nightly": ("src/shipping/ship.step.go", "nightly"),
    }


def test_config_has_the_keys_of_every_language(lock: Lock) -> None:
    config = lock.steps["src/shipping/ship#Ship"].config

    assert (config.type, config.name, config.description) == ("event", "Ship", "Sends it")
    assert (config.flows, config.subscribes) == (["orders"], ["payment.done"])
    assert config.emits == ["order.shipped", "order.lost", "order.noted"]
    assert config.conditional_emits == ["order.lost"]
    assert (config.retries.max, config.timeout) == (0, "5s")
    assert lock.steps["src/shipping/ship#nightly"].config.cron == "0 2 * * *"


def test_endpoint_names_who_may_call(lock: Lock) -> None:
    step = lock.steps["src/shipping/answer#Answer"]

    assert step.config.auth == [{"type": "api_key", "keys": ["$KEY"], "header": "x-api-key"}]
    assert step.input is None
    assert list(step.responses) == ["202"]


def test_files_are_those_that_the_program_is_made_of(lock: Lock) -> None:
    assert lock.steps["src/shipping/ship#Ship"].files == [
        "lib/money/money.go",
        "src/shipping/answer.step.go",
        "src/shipping/note.txt",
        "src/shipping/ship.step.go",
    ]


def test_schema_follows_the_struct(lock: Lock) -> None:
    step = lock.steps["src/shipping/ship#Ship"]
    assert step.input is not None
    schema = lock.schemas[step.input.ref.rpartition("/")[2]]
    (payment,) = schema["$defs"].values()

    assert payment["properties"]["amount"]["properties"] == {"cents": {"type": "integer"}}
    assert payment["properties"]["method"] == {"type": "string", "enum": ["card", "cash"]}
    assert payment["properties"]["paid"] == {"type": "string", "format": "date-time"}
    assert payment["properties"]["note"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert payment["properties"]["parts"]["items"]["anyOf"][0] == {"$ref": schema["$ref"]}
    assert payment["required"] == ["amount", "method", "note", "order_id", "parts"]


def test_embedded_fields_arrays_and_maps_are_those_of_the_json(lock: Lock) -> None:
    step = lock.steps["src/shipping/ship#Ship"]
    schemas = {topic: lock.schemas[one.ref.rpartition("/")[2]] for topic, one in step.emits.items()}

    assert schemas["order.shipped"] == {
        "type": "object",
        "properties": {
            "boxes": {
                "type": "array",
                "items": {"type": "integer", "minimum": 0},
                "minItems": 2,
                "maxItems": 2,
            },
            "free": {},
            "raw": {"type": "string", "contentEncoding": "base64"},
        },
        "required": ["boxes", "free"],
    }
    assert schemas["order.lost"] == {
        "type": "object",
        "additionalProperties": {"type": "integer"},
    }
    assert "order.noted" not in schemas


def test_program_is_built_once(shop: Path, lock: Lock) -> None:
    (program,) = set(build(shop, lock).values())
    before = (shop / program).stat()

    again = compile_project(shop).lock

    assert again is not None
    assert again == lock
    assert set(build(shop, again).values()) == {program}
    assert (shop / program).stat().st_ino == before.st_ino
    assert (shop / program).stat().st_mtime_ns == before.st_mtime_ns


def test_lost_program_is_built_from_the_lock(shop: Path, lock: Lock) -> None:
    (program,) = set(build(shop, lock).values())
    (shop / program).unlink()
    (shop / program).with_name("built.json").unlink()

    assert set(build(shop, lock).values()) == {program}
    assert (shop / program).is_file()


STEP = """package {package}

import "wistro.dev/sdk"

var {name} = sdk.Cron(sdk.CronConfig{{Name: "{name}", Cron: "* * * * *"}}, {handler})
"""
HANDLER = "func(ctx *sdk.Context) error { return nil }"


def step(package: str, name: str, handler: str = HANDLER) -> str:
    return STEP.format(package=package, name=name, handler=handler)


BROKEN = {
    "go.mod": GO_MOD,
    "src/good/good.step.go": step("good", "Good"),
    "src/program/program.step.go": step("main", "Main"),
    "src/syntax/syntax.step.go": "package syntax\n\nvar A = (\n",
    "src/types/types.step.go": step("types", "Types") + "\nvar B int = undefined1\n\nvar C = undefined2\n",
    "src/imports/imports.step.go": "package imports\n\nimport \"example.com/nowhere\"\n\nvar A = nowhere.A\n",
    "src/emits/emits.step.go": step("emits", "Emits", "func(ctx *sdk.Context) error { return T.Emit(ctx, 7) }")
    + "\nvar T = sdk.Topic[string](\"text\")\n",
    "src/nothing/nothing.step.go": "package nothing\n\nvar A = 1\n",
    "src/panics/panics.step.go": step("panics", "Panics") + "\nfunc init() {\n\tpanic(\"no database\")\n}\n",
    "src/exits/exits.step.go": step("exits", "Exits").replace('"wistro.dev/sdk"', '(\n\t"os"\n\t"wistro.dev/sdk"\n)')
    + "\nfunc init() {\n\tos.Exit(3)\n}\n",
    "src/hidden/hidden.step.go": "//go:build windows\n\n" + step("hidden", "Hidden"),
    "src/handlers/handlers.step.go": step("handlers", "Handlers", "nil"),
    "src/schemas/schemas.step.go": step("schemas", "Schemas").replace(
        'Cron: "', 'Emits: sdk.Emits(sdk.Topic[map[string]chan int]("t")), Cron: "'
    ),
    "src/one/one.step.go": step("one", "One") + '\nimport "shop/lib"\n\nvar _ = lib.A\n',
    "src/two/two.step.go": step("two", "Two") + '\nimport "shop/lib"\n\nvar _ = lib.A\n',
    "lib/lib.go": "package lib\n\nvar A int = \"text\"\n",
}  # fmt: skip
for name in ("src/one/one.step.go", "src/two/two.step.go"):  # imports come first
    BROKEN[name] = (
        BROKEN[name]
        .replace('\nimport "shop/lib"\n', "")
        .replace('import "wistro.dev/sdk"', 'import "wistro.dev/sdk"\nimport "shop/lib"')
    )


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    return compile_project(laid(tmp_path_factory.mktemp("broken"), BROKEN))


@pytest.mark.parametrize(
    ("where", "code", "says"),
    [
        ("src/program/program.step.go:1", "lock.go-main", "package main"),
        ("src/syntax/syntax.step.go:4", "lock.syntax", "unexpected EOF"),
        ("src/types/types.step.go:7", "lock.syntax", "undefined: undefined1"),
        ("src/types/types.step.go:9", "lock.syntax", "undefined: undefined2"),
        ("src/imports/imports.step.go:3", "lock.syntax", "example.com/nowhere"),
        ("src/emits/emits.step.go:5", "lock.syntax", "cannot use 7"),
        ("src/nothing/nothing.step.go:1", "lock.no-config", "no step"),
        ("src/panics/panics.step.go:8", "lock.import", "panic: no database"),
        ("src/exits/exits.step.go:1", "lock.import", "exit 3"),
        ("src/hidden/hidden.step.go:1", "lock.import", "//go:build"),
        ("src/handlers/handlers.step.go:5", "lock.config", "handler is nil"),
        ("src/schemas/schemas.step.go:5", "lock.config", "chan int"),
        ("lib/lib.go:3", "lock.syntax", "cannot use"),
    ],
)
def test_mistake_is_told_with_its_line(where: str, code: str, says: str, broken: Compiled) -> None:
    found = [one for one in broken.problems if one.where == where]

    assert [one.code for one in found] == [code], [
        (one.where, one.message) for one in broken.problems
    ]
    assert says in found[0].message


def test_nothing_is_told_twice(broken: Compiled) -> None:
    assert len(broken.problems) == 13
