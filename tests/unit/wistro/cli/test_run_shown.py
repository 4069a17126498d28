from __future__ import annotations

from dataclasses import dataclass, field

from wistro.cli.run_shown import show_run
from wistro.protocol.reading import AttemptView, RunDetail, RunSummary, Trigger


@dataclass
class Shown:
    """A run with these (id, parent) pairs of attempts."""

    pairs: list[tuple[str, str | None]]
    error: dict[str, str] | None = field(default=None)

    def detail(self) -> RunDetail:
        run = RunSummary(
            "run_1",
            "done",
            Trigger("event", "a", "a"),
            ["f"],
            "t",
            None,
            1,
            0,
            "x",
            None,
            None,
            None,
        )
        return RunDetail(run, [self._attempt(*pair) for pair in self.pairs])

    def _attempt(self, id: str, parent: str | None) -> AttemptView:
        return AttemptView(
            id=id, delivery_id="d", step=f"src/{id}", step_name="", language=None, number=1,
            outcome="done", topic=None, parent_id=parent, ordinal=0, queued_at="", started_at="",
            ended_at="", queue_wait_us=0, run_us=5, input=None, emits=[], reads=[], writes=[],
            answer=None, error=self.error,
        )  # fmt: skip


def steps(said: str) -> list[str]:
    return [line.split("✓")[0] + line.split()[1] for line in said.splitlines() if "src/" in line]


def test_attempts_stand_below_those_that_caused_them(capsys) -> None:
    pairs = [("a", None), ("b", "a"), ("c", "a"), ("d", "b"), ("e", "gone")]

    show_run(Shown(pairs).detail())

    found = steps(capsys.readouterr().out)
    assert found == ["  src/a", "    src/b", "      src/d", "    src/c", "  src/e"]


def test_a_chain_longer_than_the_stack_is_shown(capsys) -> None:
    chain = [(str(n), str(n - 1) if n else None) for n in range(3_000)]

    show_run(Shown(chain).detail())

    assert len(steps(capsys.readouterr().out)) == 3_000


def test_an_error_of_others_cannot_move_the_cursor(capsys) -> None:
    show_run(Shown([("a", None)], {"type": "E", "message": "\x1b[2Jbad\n", "stack": "x"}).detail())

    assert "\x1b" not in capsys.readouterr().out
