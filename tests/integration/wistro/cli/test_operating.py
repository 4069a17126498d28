"""Operating a project from the terminal: beside the engine that runs it, and from its files when none does."""

from __future__ import annotations

import http.client
import io
import json
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.wistro.cli.conftest import Said, Shop, started, until
from wistro.control.place import socket_of

Wistro = Callable[..., Said]


@pytest.fixture
def at(shop: Shop) -> list[str]:
    return ["--folder", str(shop.folder)]


def call(shop: Shop, topic: str, sku: str) -> str:
    """The id of the run that a call of the endpoint began."""
    asked = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=30)
    try:
        body = json.dumps({"topic": topic, "sku": sku})
        asked.request("POST", "/orders", body=body, headers={"content-type": "application/json"})
        return json.loads(asked.getresponse().read())["id"]
    finally:
        asked.close()


def ended(wistro: Wistro, run: str, at: list[str], status: str) -> None:
    """Wait until the run is so."""

    def look() -> bool | None:
        said = wistro("runs", run, "--json", *at)
        return (said.code == 0 and json.loads(said.out)["run"]["status"] == status) or None

    until(look)


def test_an_event_from_the_terminal_starts_a_run_that_is_waited_for(
    wistro: Wistro, at: list[str]
) -> None:
    said = wistro("emit", "order.placed", '{"sku": "té"}', "--wait", *at)

    assert said.code == 0, said.err
    assert "order.placed  done  orders" in said.out
    assert "✓ src/pack <- order.placed  done" in said.out
    assert json.loads(wistro("state", "get", "packed", "té", *at).out) == {"by": "hand"}


def test_what_does_not_fit_is_refused_with_its_path_and_starts_nothing(
    wistro: Wistro, at: list[str]
) -> None:
    before = wistro("runs", "--json", *at).out

    unfit = wistro("emit", "order.placed", '{"sku": 7}', *at)
    unknown = wistro("emit", "order.placd", "{}", *at)
    no_json = wistro("emit", "order.placed", "{sku: tea}", *at)

    assert (unfit.code, unknown.code, no_json.code) == (1, 1, 1)
    assert "/sku" in unfit.err and "event.unfit" in unfit.err
    assert "did you mean `order.placed`?" in unknown.err
    assert "cli.json" in no_json.err
    assert wistro("runs", "--json", *at).out == before


def test_data_comes_from_a_file_or_from_stdin(
    wistro: Wistro, at: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "order.json").write_text('{"sku": "file"}')
    stdin = io.TextIOWrapper(io.BytesIO(b'{"sku": "stdin"}'))

    from_file = wistro("emit", "order.placed", f"@{tmp_path / 'order.json'}", "-w", *at)
    monkeypatch.setattr(sys, "stdin", stdin)
    from_stdin = wistro("emit", "order.placed", "-", "--wait", "--json", *at)

    assert (from_file.code, from_stdin.code) == (0, 0)
    assert json.loads(from_stdin.out)["attempts"][0]["input"] == {"sku": "stdin"}


def test_runs_are_listed_shown_and_filtered(wistro: Wistro, shop: Shop, at: list[str]) -> None:
    id = call(shop, "order.placed", "listed")
    ended(wistro, id, at, "done")

    listed = wistro("runs", *at)
    shown = wistro("runs", "show", id, *at)
    none = wistro("runs", "--status", "interrupted", *at)

    assert id in listed.out and "POST /orders" in listed.out
    assert listed.err.rstrip().endswith(f"next: wistro runs {id}")
    tree = shown.out.splitlines()
    assert [line for line in tree if "src/" in line] == [
        next(line for line in tree if line.startswith("  ✓ src/place")),
        next(line for line in tree if line.startswith("    ✓ src/pack <- order.placed")),
    ]
    assert "no run in this folder is like that" in none.err
    assert wistro("runs", "show", *at).code == 2


def test_a_run_is_cancelled_once(wistro: Wistro, shop: Shop, at: list[str]) -> None:
    id = call(shop, "order.slow", "never")
    until(lambda: wistro("logs", "--run", id, *at).out or None)

    cancelled = wistro("runs", "cancel", id, *at)
    again = wistro("runs", "cancel", id, *at)

    assert cancelled.code == 0, cancelled.err
    assert (again.code, "engine.unknown-run" in again.err) == (1, True)
    ended(wistro, id, at, "cancelled")


def test_a_run_is_done_once_more_as_a_new_one(wistro: Wistro, shop: Shop, at: list[str]) -> None:
    id = call(shop, "order.placed", "again")
    ended(wistro, id, at, "done")

    said = wistro("runs", "replay", id, "--from", "src/pack", "--json", *at)

    assert said.code == 0, said.err
    new = json.loads(said.out)["run"]
    ended(wistro, new, at, "done")
    assert new != id
    assert wistro("runs", "replay", "run_00000000000000000000000000", *at).code == 1


def test_what_is_due_later_is_listed_and_taken_back(wistro: Wistro, at: list[str]) -> None:
    run = json.loads(wistro("emit", "order.later", '{"sku": "l"}', "--json", *at).out)["run"]
    page = until(lambda: json.loads(wistro("runs", "delayed", "--json", *at).out) or None)

    shown = wistro("runs", "delayed", *at)
    taken = wistro("runs", "cancel", page[0]["id"], *at)

    assert page[0]["run"] == run and page[0]["id"] in shown.out
    assert taken.code == 0, taken.err
    assert "nothing is due later" in wistro("runs", "delayed", *at).err
    ended(wistro, run, at, "done")


def test_lines_are_filtered_and_searched(wistro: Wistro, at: list[str]) -> None:
    wistro("emit", "order.placed", '{"sku": "searched"}', "--wait", *at)

    found = until(lambda: wistro("logs", "--grep", "searched", *at).out or None)

    assert found.rstrip().endswith("src/pack: packed sku=searched")
    assert wistro("logs", "--grep", "searched", "--level", "info", *at).out == found
    assert wistro("logs", "--grep", "searched", "--level", "warn", *at).out == ""
    assert wistro("logs", "--level", "fatal", *at).code == 2


def test_a_dead_letter_is_shown_and_redriven_once_its_reason_is_gone(
    wistro: Wistro, at: list[str]
) -> None:
    assert "no dead letter" in wistro("dead", *at).err
    wistro("state", "set", "broken", "tea", "true", *at)
    failed = wistro("emit", "order.placed", '{"sku": "tea"}', "--wait", *at)
    letter = json.loads(wistro("dead", "--json", *at).out)[0]

    shown = wistro("dead", "show", letter["id"], *at)
    listed = wistro("dead", "--step", "src/pack", *at)
    wistro("state", "delete", "broken", "tea", *at)
    redriven = wistro("dead", "redrive", "--all", *at)
    again = wistro("dead", "redrive", letter["id"], *at)

    assert failed.code == 1 and "ValueError: no box for tea" in failed.out
    assert '{"sku": "tea"}' in shown.out and "ValueError: no box for tea" in shown.out
    assert letter["id"] in listed.out
    assert redriven.code == 0 and "1 dead letter" in redriven.err
    assert again.code == 1 and "dead-letter" in again.err
    ended(wistro, letter["run"], at, "done")
    assert wistro("dead", "--step", "src/pack", "--json", *at).out == "[]\n"
    assert wistro("dead", "redrive", *at).code == 1


def test_dead_letters_of_one_step_are_redriven_at_once_and_one_is_given_up(
    wistro: Wistro, at: list[str]
) -> None:
    wistro("state", "set", "broken", "mug", "true", *at)
    for _ in range(3):
        wistro("emit", "order.placed", '{"sku": "mug"}', "--wait", *at)
    given_up, *others = [one["id"] for one in json.loads(wistro("dead", "--json", *at).out)]

    deleted = wistro("dead", "delete", given_up, *at)
    again = wistro("dead", "delete", given_up, *at)
    wistro("state", "delete", "broken", "mug", *at)
    elsewhere = wistro("dead", "redrive", "--step", "src/no_such_step", *at)
    redriven = wistro("dead", "redrive", "--step", "src/pack", "--json", *at)

    assert deleted.code == 0 and "Deleted" in deleted.err and given_up in deleted.err
    assert (again.code, "no dead letter" in again.err) == (1, True)
    assert (elsewhere.code, "no dead letter of src/no_such_step" in elsewhere.err) == (0, True)
    made = json.loads(redriven.out)
    assert [one["id"] for one in made] == others[::-1], "oldest first"
    for one in made:
        ended(wistro, one["run"], at, "done")
    assert wistro("dead", "--json", *at).out == "[]\n"


def test_a_task_is_listed_shown_and_answered_once(wistro: Wistro, at: list[str]) -> None:
    assert "no task waits" in wistro("tasks", *at).err
    run = json.loads(wistro("emit", "order.large", '{"sku": "ü"}', "--json", *at).out)["run"]
    task = until(lambda: (json.loads(wistro("tasks", "--json", *at).out) or [None])[0])
    id = task["id"]

    listed, shown = wistro("tasks", "--assignee", "managers", *at), wistro("tasks", "show", id, *at)
    link = wistro("tasks", "link", id, *at)
    unfit = wistro("tasks", "answer", id, "reject", '{"note": 1}', *at)
    unknown = wistro("tasks", "answer", id, "maybe", *at)
    answered = wistro("tasks", "answer", id, "reject", '{"note": "no"}', "--by", "Ada", *at)
    again = wistro("tasks", "answer", id, "reject", '{"note": "no"}', *at)

    assert id in listed.out and "Manager approves" in listed.out
    assert '{"sku": "ü"}' in shown.out and "note: string, needed" in shown.out
    assert "/_wistro/tasks/" in link.out and link.out.startswith("http://127.0.0.1:")
    assert (unfit.code, "/note" in unfit.err) == (1, True)
    assert (unknown.code, "`approve`" in unknown.err) == (1, True)
    assert answered.code == 0, answered.err
    assert (again.code, "by Ada" in again.err) == (1, True)
    ended(wistro, run, at, "done")
    assert "rejected: no" in wistro("logs", "--run", run, *at).out
    assert "reject by Ada (cli)" in wistro("tasks", "show", id, *at).out
    assert id not in wistro("tasks", "--json", *at).out
    assert id in wistro("tasks", "--state", "answered", *at).out


def test_state_is_set_listed_deleted_and_cleared(wistro: Wistro, at: list[str]) -> None:
    for key in ("b", "a", "ü ß/é"):
        assert wistro("state", "set", "hand", key, '{"n": 1}', *at).code == 0

    keys = [one["key"] for one in json.loads(wistro("state", "list", "hand", "--json", *at).out)]
    groups = wistro("state", *at).out
    gone = wistro("state", "delete", "hand", "a", "--json", *at)
    not_there = wistro("state", "delete", "hand", "a", *at)
    refused = wistro("state", "clear", "hand", *at)
    cleared = wistro("state", "clear", "hand", "--yes", "--json", *at)

    assert keys == ["a", "b", "ü ß/é"]
    assert any(line.split() == ["hand", "3"] for line in groups.splitlines())
    assert json.loads(gone.out) == {"changed": 1} and "was not there" in not_there.err
    assert refused.code == 1 and "state.not-asked" in refused.err
    assert json.loads(cleared.out) == {"changed": 2}
    assert "holds nothing" in wistro("state", "list", "hand", *at).err
    missing = wistro("state", "get", "hand", "b", *at)
    assert missing.code == 1 and "state.unknown-key" in missing.err


def test_many_keys_come_in_pages_and_the_cut_is_said(wistro: Wistro, at: list[str]) -> None:
    for number in range(12):
        wistro("state", "set", "many", f"{number:03}", "null", *at)

    some = wistro("state", "list", "many", "--limit", "5", *at)

    assert len(some.out.splitlines()) == 1 + 5
    assert "these are the first 5" in some.err


def test_the_socket_is_for_its_owner_alone(shop: Shop) -> None:
    socket = socket_of(shop.folder)

    assert stat.S_IMODE(socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert len(str(socket)) < 100


def test_a_second_engine_is_refused_beside_the_first(
    wistro: Wistro, shop: Shop, at: list[str]
) -> None:
    second = wistro("dev", str(shop.folder), "--port", "0", "--ui-port", "0")

    assert second.code == 1
    assert f"(process {shop.process.pid}) runs this project already" in second.err
    assert wistro("runs", *at).code == 0


def test_without_an_engine_files_are_read_and_changes_refused(
    wistro: Wistro, shop: Shop, at: list[str], tmp_path: Path
) -> None:
    wistro("emit", "order.placed", '{"sku": "kept"}', "--wait", *at)
    folder = tmp_path / "copy"
    folder.mkdir()
    for name, text in {"wistro.yml": ""}.items():
        (folder / name).write_text(text)
    shutil.copytree(
        shop.folder / ".wistro", folder / ".wistro", ignore=shutil.ignore_patterns("tools")
    )
    there = ["--folder", str(folder)]

    runs, lines = wistro("runs", *there), wistro("logs", "--grep", "kept", *there)
    value = wistro("state", "get", "packed", "kept", *there)
    written = [
        wistro("state", "set", "a", "b", "1", *there),
        wistro("emit", "order.placed", "{}", *there),
        wistro("dead", "redrive", "--all", *there),
    ]

    assert "src/pack: packed sku=kept" in lines.out
    assert "order.placed" in runs.out and "no engine runs here" in runs.err
    assert json.loads(value.out) == {"by": "hand"}
    assert [one.code for one in written[:2]] == [1, 1]
    assert "control.no-engine" in written[0].err and "control.no-engine" in written[1].err
    assert "no dead letter" in written[2].err


def test_a_folder_where_nothing_ever_ran_says_so(wistro: Wistro, tmp_path: Path) -> None:
    (tmp_path / "wistro.yml").write_text("")
    there = ["--folder", str(tmp_path)]

    assert "no run in this folder yet" in wistro("runs", *there).err
    assert "no line in this folder yet" in wistro("logs", *there).err
    assert "the state holds nothing yet" in wistro("state", *there).err
    assert "no dead letter" in wistro("dead", *there).err
    assert wistro("runs", "--json", *there).out == "[]\n"


def test_wistro_start_is_operated_alike(wistro: Wistro, tmp_path: Path, shop: Shop) -> None:
    folder = tmp_path / "served"
    shutil.copytree(shop.folder, folder, ignore=shutil.ignore_patterns(".wistro", "*.log"))
    there = ["--folder", str(folder)]
    assert wistro("lock", str(folder)).code == 0

    with started(folder, "start"):
        emitted = wistro("emit", "order.placed", '{"sku": "served"}', "--wait", *there)
        runs = wistro("runs", *there)
        socket = socket_of(folder)
        assert socket.exists()

    assert emitted.code == 0, emitted.err
    assert "order.placed" in runs.out
    assert not socket.parent.exists()
