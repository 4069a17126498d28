"""Values that may not leave, by name."""

from typing import Any


def odd(kind: str) -> Any:
    return {"a": [0, _VALUES[kind]()]}


def _cycle() -> list:
    cycle: list = []
    cycle.append(cycle)
    return cycle


def _deep() -> list:
    deep: list = []
    for _ in range(200):
        deep = [deep]
    return deep


_VALUES: dict[str, Any] = {
    "nan": lambda: float("nan"),
    "infinity": lambda: float("-inf"),
    "big": lambda: 2**53,
    "surrogate": lambda: "\ud83d",
    "surrogate key": lambda: {"\ud83d": 1},
    "function": lambda: odd,
    "set": lambda: {1, 2},
    "bytes": lambda: b"hi",
    "cycle": _cycle,
    "deep": _deep,
    "huge": lambda: "x" * 17 * 1024 * 1024,
}
