"""The exact unkeyed draw: Tijdeman's chairman assignment.

R. Tijdeman, "The chairman assignment problem", Discrete Mathematics 32 (1980): at each turn, of those
that one more draw would not put ahead of their share by more than 1 - 1/(2n-2), take the one that would
be overdue first. Then at every prefix each count is within 1 - 1/(2n-2) of its share.
Integers only, so that a schedule never drifts; O(candidates) a draw.
"""

from __future__ import annotations

from collections.abc import Sequence


class Schedule:
    """Draws candidates 0..n-1 by their weights. `peek` decides, `advance` counts it: two steps of one turn.

    `peek` is the same until `advance`, so that a call refused in between moves nothing.
    """

    __slots__ = ("_counts", "_margin", "_total", "_turn", "_weights")

    def __init__(self, weights: Sequence[int]) -> None:
        """Weights above 0, at least one; they need not add up to anything (candidates may be few)."""
        if not weights or min(weights) <= 0:
            raise ValueError("a schedule is of weights above 0")
        self._weights = list(weights)
        self._total = sum(weights)
        self._counts = [0] * len(weights)
        self._turn = 0
        self._margin = max(2 * len(weights) - 2, 1)

    @property
    def counts(self) -> list[int]:
        """How often each was drawn in this cycle; a cycle is as many turns as the weights' sum."""
        return list(self._counts)

    def peek(self) -> int:
        """Whose turn is next."""
        total, margin, turn = self._total, self._margin, self._turn + 1
        best, best_due, best_weight = -1, 0, 1
        for candidate, weight in enumerate(self._weights):
            count = self._counts[candidate]
            # weight/total * turn - count >= 1/(2n-2): it may be drawn without running ahead.
            if (weight * turn - count * total) * margin < total:
                continue
            # The turn at which its share would leave it behind: (count + 1 - 1/(2n-2)) * total / weight.
            due = ((count + 1) * margin - 1) * total
            if best < 0 or due * best_weight < best_due * weight:
                best, best_due, best_weight = candidate, due, weight
        return best

    def advance(self, candidate: int) -> None:
        """Count the turn that `peek` decided."""
        self._counts[candidate] += 1
        self._turn += 1
        if self._turn == self._total:  # a whole cycle: every count is exactly its weight
            self._turn = 0
            self._counts = [
                count - weight for count, weight in zip(self._counts, self._weights, strict=True)
            ]

    def draw(self) -> int:
        candidate = self.peek()
        self.advance(candidate)
        return candidate
