"""`wistro replay` as a process, over samples that real runs left."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.wistro.replay.recording import pulled, recorded
from tests.integration.wistro.running import a_project, run
from wistro.languages.node import tools

PYTHON = {
    "src/order.step.py": """
config = {"type": "api", "name": "Order", "method": "POST", "path": "/orders/:shop", "public": True,
          "flows": ["orders"], "emits": ["order.priced"]}

async def handler(req, ctx):
    price = await ctx.state.get("prices", req.body["sku"])
    total = price * req.body["quantity"]
    await ctx.emit({"topic": "order.priced", "data": {"sku": req.body["sku"], "total": total}})
    return {"status": 202, "body": {"id": ctx.run_id, "at": ctx.now.isoformat()}}
""",
    "src/keep.step.py": """
config = {"type": "event", "name": "Keep", "flows": ["orders"], "subscribes": ["order.priced"], "emits": ["order.kept"]}

async def handler(order, ctx):
    seen = await ctx.state.get("totals", "all") or 0
    await ctx.state.set("totals", "all", seen + order["total"])
    await ctx.state.set("orders", ctx.run_id, {**order, "key": ctx.idempotency_key, "at": ctx.now.isoformat()})
    await ctx.emit({"topic": "order.kept", "data": {"seen": seen}})
""",
    "src/tell.step.py": """
config = {"type": "event", "name": "Tell", "flows": ["orders"], "subscribes": ["order.kept"], "emits": []}

async def handler(kept, ctx):
    await ctx.state.set("told", "all", await ctx.state.get("totals", "all"))
""",
}
JAVASCRIPT = {
    "src/order.step.mjs": """
export const config = {type: 'api', name: 'Order', method: 'POST', path: '/orders/:shop', public: true,
  flows: ['orders'], emits: ['order.priced']};
export const handler = async (req, ctx) => {
  const price = await ctx.state.get('prices', req.body.sku);
  const total = price * req.body.quantity;
  await ctx.emit({topic: 'order.priced', data: {sku: req.body.sku, total: total}});
  return {status: 202, body: {id: ctx.runId, at: ctx.now.toISOString()}};
};
""",
    "src/keep.step.mjs": """
export const config = {type: 'event', name: 'Keep', flows: ['orders'], subscribes: ['order.priced'], emits: ['order.kept']};
export const handler = async (order, ctx) => {
  const seen = (await ctx.state.get('totals', 'all')) ?? 0;
  await ctx.state.set('totals', 'all', seen + order.total);
  await ctx.state.set('orders', ctx.runId, {...order, key: ctx.idempotencyKey, at: ctx.now.toISOString()});
  await ctx.emit({topic: 'order.kept', data: {seen}});
};
""",
    "src/tell.step.mjs": """
export const config = {type: 'event', name: 'Tell', flows: ['orders'], subscribes: ['order.kept'], emits: []};
export const handler = async (kept, ctx) => {
  await ctx.state.set('told', 'all', await ctx.state.get('totals', 'all'));
};
""",
}
STATE = {("prices", "tea"): 400, ("totals", "all"): 1_000}


@dataclass(frozen=True)
class Change:
    """An edit in both languages, and the difference that it makes."""

    step: str
    old: dict[str, str]
    new: dict[str, str]
    told: dict[str, Any]


CHANGES = {
    "a field": Change(
        "order",
        {"py": '"total": total}', "mjs": "total: total}"},
        {"py": '"total": total + 1}', "mjs": "total: total + 1}"},
        {
            "step": "src/order",
            "topic": "order.priced",
            "part": "emit",
            "path": "$.total",
            "expected": 1200,
            "got": 1201,
        },
    ),
    "a missing emit": Change(
        "keep",
        {"py": "    await ctx.emit", "mjs": "  await ctx.emit"},
        {"py": "    if False: await ctx.emit", "mjs": "  if (false) await ctx.emit"},
        {
            "step": "src/keep",
            "topic": "order.kept",
            "part": "emit",
            "path": "$",
            "expected": {"seen": 1000},
        },
    ),
    "a state write": Change(
        "keep",
        {"py": "seen + order", "mjs": "seen + order"},
        {"py": "seen - order", "mjs": "seen - order"},
        {
            "step": "src/keep",
            "topic": "order.priced",
            "part": "state",
            "path": "$",
            "expected": 2200,
            "got": -200,
        },
    ),
    "an exception": Change(
        "tell",
        {"py": "    await", "mjs": "  await"},
        {
            "py": "    raise KeyError('x')\n    await",
            "mjs": "  throw new RangeError('x');\n  await",
        },
        {"step": "src/tell", "topic": "order.kept", "part": "error", "path": "$"},
    ),
}


def a_shop(folder: Path, language: str) -> Path:
    root = a_project(folder, PYTHON if language == "py" else JAVASCRIPT)
    if language == "mjs":
        tools.esbuild(root)
    return root


async def replayed(root: Path, *arguments: str, **more: Any) -> tuple[int, dict[str, Any]]:
    code, said = await run("replay", "--json", *arguments, folder=root, **more)
    assert "{" in said, said
    told = json.JSONDecoder().raw_decode(said[said.index("\n{") + 1 :])[0]
    return code, told


async def test_a_change_of_the_same_size_in_the_same_second_is_run(tmp_path: Path) -> None:
    """Python would take the bytecode that the recording left beside the step for current."""
    root = a_shop(tmp_path / "shop", "py")
    pulled(root, await recorded(root, body={"sku": "tea", "quantity": 3}, state=STATE))
    path = root / "src/keep.step.py"
    stat = path.stat()
    path.write_text(path.read_text().replace("seen + order", "seen - order"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    code, told = await replayed(root)

    assert (code, told["samples"][0]["difference"]["step"]) == (1, "src/keep")


@pytest.mark.parametrize("language", ["py", "mjs"])
async def test_each_of_four_changes_names_the_first_difference_and_none_is_none(
    tmp_path: Path, language: str
) -> None:
    root = a_shop(tmp_path / "shop", language)
    body = {"sku": "tea", "quantity": 3}
    pulled(root, await recorded(root, body=body, state=STATE))

    unchanged = await replayed(root)
    found: dict[str, tuple[int, dict[str, Any]]] = {}
    for name, change in CHANGES.items():
        path = root / f"src/{change.step}.step.{language}"
        text = path.read_text()
        assert change.old[language] in text
        path.write_text(text.replace(change.old[language], change.new[language], 1))
        found[name] = await replayed(root)
        path.write_text(text)

    assert unchanged[0] == 0 and unchanged[1]["different"] == 0
    assert unchanged[1]["samples"][0]["difference"] is None
    for name, change in CHANGES.items():
        code, told = found[name]
        difference = told["samples"][0]["difference"]
        assert code == 1 and told["different"] == 1, name
        assert {key: difference.get(key) for key in change.told} == change.told, name
    thrown = "KeyError" if language == "py" else "RangeError"
    assert found["an exception"][1]["samples"][0]["difference"]["got"] == thrown


async def test_it_is_told_as_people_read_it(tmp_path: Path) -> None:
    root = a_shop(tmp_path / "shop", "py")
    pulled(root, await recorded(root, body={"sku": "tea", "quantity": 3}, state=STATE))
    step = root / "src/order.step.py"

    same = await run("replay", folder=root)
    step.write_text(step.read_text().replace('"total": total}', '"total": str(total)}'))
    other = await run("replay", "orders", folder=root)

    assert same[0] == 0 and "3 steps as recorded" in same[1]
    assert other[0] == 1
    assert "✗ tea" in other[1] and "`src/order` emits `order.priced` otherwise" in other[1]
    assert "at $.total" in other[1]
    assert "expected  1200" in other[1] and 'got       "1200"' in other[1]


FETCH = """
import urllib.request
config = {"type": "api", "name": "Fetch", "method": "POST", "path": "/fetch", "public": True, "flows": ["f"], "emits": []}

def handler(req, ctx):
    try:
        return {"status": 200, "body": urllib.request.urlopen(req.body["url"], timeout=5).read().decode()}
    except OSError as error:
        return {"status": 200, "body": "refused"}
"""
FETCH_JS = """
export const config = {type: 'api', name: 'Fetch', method: 'POST', path: '/fetch', public: true, flows: ['f'], emits: []};
export const handler = async (req) => {
  try {
    return {status: 200, body: await (await fetch(req.body.url)).text()};
  } catch (error) {
    return {status: 200, body: 'refused'};
  }
};
"""


@pytest.fixture
async def site():
    """A server on this machine, and the address of what it says."""
    from wistro.http.message import Request, Response
    from wistro.http.server import Server

    async def handle(_: Request) -> Response:
        return Response(200, b"reached", [("content-type", "text/plain")])

    server = Server(handle)
    port = await server.listen_tcp("127.0.0.1", 0)
    yield f"http://127.0.0.1:{port}/"
    await server.close()


@pytest.mark.parametrize(("language", "step"), [("py", FETCH), ("mjs", FETCH_JS)])
async def test_the_network_is_off_unless_allowed(
    tmp_path: Path, site: str, language: str, step: str
) -> None:
    root = a_project(tmp_path / "p", {f"src/fetch.step.{language}": step})
    if language == "mjs":
        tools.esbuild(root)
    pulled(root, await recorded(root, "/fetch", {"url": site}))

    off = await replayed(root)
    on = await replayed(root, "--network")

    assert off[1]["network"] in ("namespace", "sockets")
    difference = off[1]["samples"][0]["difference"]
    assert (difference["expected"], difference["got"]) == ("reached", "refused")
    assert on[0] == 0 and on[1]["network"] == "open"


@pytest.mark.parametrize(("language", "step"), [("py", FETCH), ("mjs", FETCH_JS)])
async def test_sockets_refuse_where_there_is_no_namespace(
    tmp_path: Path, site: str, language: str, step: str
) -> None:
    from wistro.compiler import compile_project
    from wistro.languages.building import build
    from wistro.replay.network import SOCKETS, CutOff
    from wistro.replay.replay import Replayer

    root = a_project(tmp_path / "p", {f"src/fetch.step.{language}": step})
    if language == "mjs":
        tools.esbuild(root)
    sample = await recorded(root, "/fetch", {"url": site})
    lock = compile_project(root).lock
    assert lock is not None
    built = build(root, lock)

    async with Replayer(root, lock, built=built, values={}, launcher=CutOff(by=SOCKETS)) as one:
        replayed = await one.replay(sample)

    assert replayed.difference is not None
    assert (replayed.difference.expected, replayed.difference.got) == ("reached", "refused")


TRIES = """
config = {"type": "event", "name": "Try", "flows": ["orders"], "subscribes": ["order.priced"], "emits": [],
          "retries": {"max": 3, "initial": "1ms"}}

async def handler(order, ctx):
    if ctx.attempt < 3:
        raise ConnectionError("not yet")
    await ctx.state.set("tried", "it", ctx.attempt)
"""


async def test_a_retried_delivery_is_run_once_as_its_last_attempt(tmp_path: Path) -> None:
    files = {"src/order.step.py": PYTHON["src/order.step.py"], "src/try.step.py": TRIES}
    root = a_project(tmp_path / "p", files)
    sample = await recorded(root, body={"sku": "tea", "quantity": 1}, state=STATE)
    pulled(root, sample)

    code, told = await replayed(root)

    assert [(one.step, one.number) for one in sample.attempts][-1] == ("src/try", 3)
    assert code == 0, told


async def test_a_step_that_failed_for_good_fails_again(tmp_path: Path) -> None:
    dead = TRIES.replace("ctx.attempt < 3", "True").replace('"max": 3', '"max": 1')
    files = {"src/order.step.py": PYTHON["src/order.step.py"], "src/try.step.py": dead}
    root = a_project(tmp_path / "p", files)
    pulled(root, await recorded(root, body={"sku": "tea", "quantity": 1}, state=STATE))

    same = await replayed(root)
    (root / "src/try.step.py").write_text(dead.replace("if True", "if False"))
    mended = await replayed(root)

    assert same[0] == 0, same[1]
    difference = mended[1]["samples"][0]["difference"]
    assert (difference["part"], difference["expected"]) == ("error", "ConnectionError")


CRON = """
config = {"type": "cron", "name": "Night", "flows": ["f"], "cron": "0 2 * * *", "emits": ["night.came"]}

async def handler(ctx):
    await ctx.emit({"topic": "night.came", "data": {"run": ctx.run_id, "at": ctx.now.isoformat()}})
"""
HEARS = """
config = {"type": "event", "name": "Hear", "flows": ["f"], "subscribes": ["TOPIC"], "emits": []}

async def handler(message, ctx):
    await ctx.state.set("heard", ctx.run_id, message)
"""


async def test_a_tick_is_replayed_with_its_run_and_clock(tmp_path: Path) -> None:
    files = {"src/night.step.py": CRON, "src/hear.step.py": HEARS.replace("TOPIC", "night.came")}
    root = a_project(tmp_path / "p", files)
    pulled(root, await recorded(root, tick="src/night"))

    code, told = await replayed(root)

    assert code == 0, told
    assert told["samples"][0]["steps"] == 2


async def test_entries_of_the_settings_are_replayed(tmp_path: Path) -> None:
    settings = """
api: [{path: /stock, method: POST, emits: stock.changed, flows: [f], public: true}]
cron: {nightly: {schedule: "0 2 * * *", emits: night.came, flows: [f]}}
"""
    files = {
        "wistro.yml": settings,
        "src/hear.step.py": HEARS.replace("TOPIC", "stock.changed"),
        "src/also.step.py": HEARS.replace("TOPIC", "stock.changed").replace("Hear", "Also"),
        "src/night.step.py": HEARS.replace("TOPIC", "night.came").replace("Hear", "Night"),
    }
    root = a_project(tmp_path / "p", files)
    pulled(root, await recorded(root, "/stock", {"sku": "tea"}), name="called")
    pulled(root, await recorded(root, tick="cron:nightly"), name="ticked")

    code, told = await replayed(root)

    assert code == 0, told
    assert {one["name"]: one["steps"] for one in told["samples"]} == {"called": 2, "ticked": 1}


async def test_an_endpoint_that_is_gone_or_wants_another_body_is_said(tmp_path: Path) -> None:
    root = a_shop(tmp_path / "shop", "py")
    pulled(root, await recorded(root, body={"sku": "tea", "quantity": 3}, state=STATE))
    step = root / "src/order.step.py"
    text = step.read_text()

    step.write_text(text.replace("/orders/:shop", "/orders"))
    gone = (await replayed(root))[1]["samples"][0]["difference"]
    schema = '"bodySchema": {"type": "object", "required": ["colour"]}, "flows"'
    step.write_text(text.replace('"flows"', schema))
    unfit = (await replayed(root))[1]["samples"][0]["difference"]

    assert gone["part"] == unfit["part"] == "run"
    assert "was not run: 404" in gone["message"]
    assert "was not run: 422" in unfit["message"] and "colour" in unfit["message"]


async def test_variables_without_a_value_are_said_and_given_a_placeholder(tmp_path: Path) -> None:
    step = FETCH.split("def handler")[0].replace("import urllib.request", "") + (
        "def handler(req, ctx):\n    return {'status': 200, 'body': ctx.env['SHOP_KEY']}\n"
    )
    root = a_project(tmp_path / "p", {"src/fetch.step.py": step, "wistro.yml": "env: [SHOP_KEY]\n"})
    (root / ".env").write_text("SHOP_KEY=the-real-key\n")
    pulled(root, await recorded(root, "/fetch"))

    with_value = await replayed(root)
    (root / ".env").unlink()
    without = await replayed(root)
    said = (await run("replay", folder=root))[1]

    assert with_value[1]["placeholders"] == []
    assert without[1]["placeholders"] == ["SHOP_KEY"]
    assert "without a value, so `wistro-replay`: SHOP_KEY" in said
    # What is secret was taken out of the sample, and so it is of the replay.
    assert with_value[0] == without[0] == 0


async def test_many_of_one_step_at_once_replay_in_the_order_they_had(tmp_path: Path) -> None:
    fan = """
config = {"type": "api", "name": "Fan", "method": "POST", "path": "/fan", "public": True, "flows": ["f"], "emits": ["one"]}

async def handler(req, ctx):
    for n in range(150):
        await ctx.emit({"topic": "one", "data": n})
"""
    add = """
import asyncio
config = {"type": "event", "name": "Add", "flows": ["f"], "subscribes": ["one"], "emits": []}

async def handler(n, ctx):
    await asyncio.sleep((n % 7) / 1000)
    before = await ctx.state.get("sum", f"slot-{n % 3}") or []
    await ctx.state.set("last", str(n), len(before))
    await ctx.state.update("sum", f"slot-{n % 3}", {"append": n})
"""
    root = a_project(tmp_path / "p", {"src/fan.step.py": fan, "src/add.step.py": add})
    sample = await recorded(root, "/fan", {})
    pulled(root, sample)

    code, told = await replayed(root)

    assert told["samples"][0]["steps"] == 151
    # They overlapped when recorded, so their reads may be of another order; none is lost, and it comes to an end.
    difference = told["samples"][0]["difference"]
    assert code in (0, 1) and (difference is None or difference["part"] == "state")


async def test_a_process_that_dies_is_a_difference_and_not_the_end(tmp_path: Path) -> None:
    root = a_shop(tmp_path / "shop", "py")
    pulled(root, await recorded(root, body={"sku": "tea", "quantity": 3}, state=STATE), name="one")
    pulled(root, await recorded(root, body={"sku": "tea", "quantity": 3}, state=STATE), name="two")
    step = root / "src/keep.step.py"
    step.write_text(
        step.read_text().replace("    seen =", "    import os; os._exit(3)\n    seen =")
    )

    code, told = await replayed(root)

    assert code == 1 and told["different"] == 2
    assert {one["difference"]["got"] for one in told["samples"]} == {"HostLost"}


async def test_a_run_of_this_machine_is_replayed_by_its_id(tmp_path: Path) -> None:
    root = a_shop(tmp_path / "shop", "py")
    sample = await recorded(root, body={"sku": "tea", "quantity": 3}, state=STATE)

    code, told = await replayed(root, "--run", sample.run)

    assert code == 0 and told["samples"][0]["steps"] == 3


TAKES_FILE = """
config = {"type": "api", "name": "Take", "method": "POST", "path": "/take", "public": True, "flows": ["f"], "emits": ["taken"]}

async def handler(req, ctx):
    await ctx.emit({"topic": "taken", "data": {"file": req.body["file"], "text": "x" * 300_000}})
    return {"status": 200, "body": {"size": len(req.raw_body)}}
"""
READS_FILE = """
config = {"type": "event", "name": "Read", "flows": ["f"], "subscribes": ["taken"], "emits": []}

async def handler(message, ctx):
    content = await ctx.blobs.get(message["file"])
    await ctx.state.set("sizes", "last", [len(content), len(message["text"])])
"""


async def test_a_run_with_blobs_is_replayed_where_they_are_and_refused_where_they_are_not(
    tmp_path: Path,
) -> None:
    root = a_project(
        tmp_path / "p", {"src/take.step.py": TAKES_FILE, "src/read.step.py": READS_FILE}
    )
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nabc\r\n--b--\r\n'
    )
    headers = [("content-type", "multipart/form-data; boundary=b")]
    sample = await recorded(root, "/take", body, headers=headers)
    pulled(root, sample)

    code, told = await replayed(root)
    for content in (root / ".wistro" / "blobs" / "content").glob("*/*"):
        content.unlink()
    gone, said = await run("replay", folder=root)

    assert (code, told["samples"][0]["steps"]) == (0, 2)
    assert sample.attempts[-1].writes[0].value == [3, 300_000]
    assert gone != 0 and "blobs that are not on this machine" in said


@pytest.mark.parametrize(
    ("arguments", "files", "said"),
    [
        ((), {}, "replay.no-samples"),
        (("nowhere",), {}, "replay.no-samples"),
        ((), {".wistro/datasets/d/s.json": "{}"}, "replay.unreadable-sample"),
        ((), {".wistro/datasets/d/s.json": '{"protocol": 99}'}, "replay.unreadable-sample"),
        (("--run", "run_00000000000000000000000000"), {}, "replay.unknown-run"),
        (("--run", "nonsense"), {}, "id.unreadable"),
        (("--nonsense",), {}, "No such option"),
    ],
)
async def test_misuse_is_said_and_exits_2(
    tmp_path: Path, arguments: tuple[str, ...], files: dict[str, str], said: str
) -> None:
    root = a_project(a_shop(tmp_path / "shop", "py"), files)

    code, told = await run("replay", *arguments, folder=root, env=dict(os.environ))

    assert code == 2 and said in told


async def test_a_project_that_does_not_compile_cannot_be_compared(tmp_path: Path) -> None:
    root = a_shop(tmp_path / "shop", "py")
    pulled(root, await recorded(root, body={"sku": "tea", "quantity": 3}, state=STATE))
    (root / "src/keep.step.py").write_text("config = {")

    code, told = await run("replay", folder=root)

    assert code == 2 and "lock.syntax" in told and "replay.does-not-compile" in told
