"""What commands print, as a tired person reads it."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime

import pytest

from wistro import cli
from wistro.cli import say
from wistro.cli.tables import ago, span, table
from wistro.errors import UserError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Wrong(UserError):
    code = "lock.unknown-topic"


def test_the_lines_stand_as_the_style_shows_them(capsys):
    say.done("Compiled", "14 steps, 9 events, 3 flows", "wistro.yml.lock a1f93c")
    say.done("Uploaded", "version 27", "212 kB")
    say.done("Healthy", "version 27 in staging, 0 % of traffic: staging holds its weights")
    say.next_step("wistro traffic staging 27=25%")

    assert capsys.readouterr().err.splitlines() == [
        "✓ Compiled  14 steps, 9 events, 3 flows            wistro.yml.lock a1f93c",
        "✓ Uploaded  version 27                             212 kB",
        "✓ Healthy   version 27 in staging, 0 % of traffic: staging holds its weights",
        "  next: wistro traffic staging 27=25%",
    ]


def test_an_error_stands_as_the_style_shows_it(capsys):
    say.error(
        Wrong(
            "`src/send_receipt` subscribes to `order.payed`, which nothing emits",
            where="src/send_receipt.step.py:4",
            hint="did you mean `order.paid`?",
        )
    )

    assert capsys.readouterr().err.splitlines() == [
        "error: `src/send_receipt` subscribes to `order.payed`, which nothing emits",
        "  --> src/send_receipt.step.py:4",
        " hint: did you mean `order.paid`?                  lock.unknown-topic",
    ]


@pytest.mark.parametrize(("no_color", "is_coloured"), [("", True), ("1", False)])
def test_colour_is_for_terminals_that_want_it(monkeypatch, no_color, is_coloured):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("NO_COLOR", no_color)

    say.done("Uploaded", "version 27", "212 kB")

    assert ("\x1b[" in terminal.getvalue()) is is_coloured


def test_text_of_others_moves_no_cursor():
    assert (
        say.plain("a\x1b[2Jb\rc\nd\te\u202ef")
        == "a\N{REPLACEMENT CHARACTER}[2Jb c d  e\N{REPLACEMENT CHARACTER}f"
    )


def test_columns_line_up_under_wide_letters(capsys):
    table(("NAME", "N"), [("東京", "1"), ("größe", "20")], right=(1,))

    assert capsys.readouterr().out.splitlines() == ["NAME    N", "東京    1", "größe  20"]


def test_a_line_is_cut_to_the_terminal_and_whole_when_piped(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    table(("TEXT",), [("x" * 100,)])
    assert "x" * 100 in capsys.readouterr().out

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    table(("TEXT",), [("x" * 100,)])
    assert max(map(len, terminal.getvalue().splitlines())) == 40
    assert terminal.getvalue().rstrip().endswith("…")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 kB"),
        (212_300, "212 kB"),
        (999_600, "1.0 MB"),
        (2**30, "1.1 GB"),
    ],
)
def test_sizes_are_short(count, text):
    assert say.size(count) == text


@pytest.mark.parametrize(
    ("at", "text"),
    [
        ("2026-11-22T09:59:58Z", "now"),
        ("2026-11-22T09:59:00.5Z", "59 s ago"),
        ("2026-11-22T09:10:00+00:00", "50 min ago"),
        ("2026-11-20T10:00:00Z", "2 d ago"),
        ("2026-01-01T00:00:00Z", "2026-01-01"),
        (None, ""),
    ],
)
def test_times_are_relative(at, text):
    assert ago(at, now=datetime(2026, 11, 22, 10, tzinfo=UTC)) == text


def test_spans_are_short():
    assert [span(us) for us in (9, 12_000, 3_400_000, 180_000_000)] == [
        "9 µs",
        "12 ms",
        "3.4 s",
        "3 min",
    ]


def test_every_command_is_in_the_overview_once():
    shown = cli.overview()

    for name in cli.COMMANDS:
        assert shown.count(f"\n  {name} ") == 1


def test_the_overview_fits_eighty_columns():
    assert max(map(len, cli.overview().splitlines())) <= 80


@pytest.mark.parametrize("name", ["eval", "test"])
def test_a_documented_command_that_is_not_built_says_so(capsys, name):
    assert cli.run([name]) == 2
    assert "cli.not-yet" in capsys.readouterr().err


def test_a_mistyped_command_is_answered_with_the_close_one(capsys):
    assert cli.run(["trafic"]) == 2
    assert "did you mean `wistro traffic`?" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_each_commands_help_begins_with_an_example(capsys, name):
    assert cli.run([name, "--help"]) == 0

    assert f"Example: wistro {name}" in capsys.readouterr().out


def test_a_narrow_terminal_is_spared_the_columns_that_matter_least(monkeypatch):
    for columns, wanted in ((80, "A   BBBB  CC"), (11, "A   CC"), (4, "A")):
        out = Terminal()
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(say, "width", lambda columns=columns: columns)
        table(("A", "BBBB", "CC"), [("aa", "b", "c")], spare=(1, 2))
        assert out.getvalue().splitlines()[0].split() == wanted.split()
