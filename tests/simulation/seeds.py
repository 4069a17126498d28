"""Worlds by number: a seed alone gives the same acts with the same choices, in the same order.

Each act draws from a generator of its own, made of the seed and its number, so leaving some out changes none of the
choices of the others: that is how a failing world is made smaller.
"""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

LENGTH = 50
MULTIPLES = (0, 1, 1, 3)  # a world does without some acts, and does others often
SMALLER_TRIES = 400


class Life(Protocol):
    """One world and what may happen in it: methods marked by `act`."""

    acts: ClassVar[list[Act]]

    def hold(self) -> None:
        """Raises AssertionError where something that must always hold does not."""
        ...

    def come_to_rest(self) -> None:
        """Let nothing fail any more until nothing is left to do, and check what must hold then."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Act:
    name: str
    weight: int
    is_possible: Callable[[Any], Any]
    do: Callable[[Any, random.Random], Any]


@dataclass(frozen=True)
class Broken(Exception):
    """What a world did until something did not hold. `acts`: those that were done, by their number."""

    seed: int
    acts: dict[int, str]
    problem: BaseException

    @property
    def what(self) -> str:
        """The invariant that did not hold, or where else it failed."""
        [*_, last] = traceback.extract_tb(self.problem.__traceback__)
        return f"{last.name}: {type(self.problem).__name__}"

    def __str__(self) -> str:
        lines = [f"{number:>5}  {name}" for number, name in self.acts.items()]
        return "\n".join([f"seed {self.seed}", *lines, f"{self.what}: {self.problem}"])


def act(
    *, weight: int = 1, when: Callable[[Any], Any] = lambda life: True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark a method that takes its own `random.Random`. What it returns is told beside its name."""

    def marked(do: Callable[..., Any]) -> Callable[..., Any]:
        vars(do)["is_act"] = Act(do.__name__, weight, when, do)
        return do

    return marked


def acts_of(life: type) -> list[Act]:
    return [one.is_act for one in vars(life).values() if hasattr(one, "is_act")]


def live(
    life: Callable[[random.Random], Life],
    seed: int,
    *,
    length: int = LENGTH,
    without: Iterable[int] = (),
) -> None:
    """Live through one world. Raises Broken."""
    left_out = frozenset(without)
    start = random.Random(seed)
    one = life(start)
    acts = [(each, each.weight * start.choice(MULTIPLES)) for each in one.acts]
    done: dict[int, str] = {}
    try:
        for number in range(length):
            draw = random.Random(seed << 16 | number)
            possible = [(each, weight) for each, weight in acts if each.is_possible(one)]
            if number in left_out or not any(weight for _, weight in possible):
                continue
            [chosen] = draw.choices(*zip(*possible, strict=True))
            done[number] = chosen.name
            if (told := chosen.do(one, draw)) is not None:
                done[number] += f" {told}"
            one.hold()
        one.come_to_rest()
    except Exception as problem:
        raise Broken(seed, done, problem) from problem
    finally:
        one.close()


def smaller(
    life: Callable[[random.Random], Life], broken: Broken, *, length: int = LENGTH
) -> Broken:
    """The same failure with fewer acts: leave out ever smaller parts of them for as long as it still fails."""
    tries, part = 0, max(1, len(broken.acts) // 2)
    while tries < SMALLER_TRIES:
        before = len(broken.acts)
        numbers = list(broken.acts)
        for first in range(0, len(numbers), part):
            tries += 1
            kept = broken.acts.keys() - set(numbers[first : first + part])
            again = _fails(life, broken.seed, length=length, without=set(range(length)) - kept)
            if again is not None and again.what == broken.what:
                broken = again
        if part == 1 and len(broken.acts) == before:
            break
        part = max(1, part // 2)
    return broken


def _fails(
    life: Callable[[random.Random], Life], seed: int, *, length: int, without: set[int]
) -> Broken | None:
    try:
        live(life, seed, length=length, without=without)
    except Broken as broken:
        return broken
    return None
