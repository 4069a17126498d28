"""What may be set as weights: basis points that add up to 10,000, and how the others make room for one.

`27=25%` sets version 27 and keeps the others in proportion; a list that leaves nobody else must add up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from wistro.errors import UserError

WHOLE = 10_000
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)\s*%")
_POINTS = re.compile(r"[0-9]{1,5}")


class BadWeight(UserError):
    """A weight that is no share between 0 and 100 %."""

    code = "traffic.weight"
    hint = "Write a share as 25%, 33.3% or in basis points as 2500, between 0 and 100 %."
    status = 422


class WeightsSum(UserError):
    """Weights that do not add up to 100 %."""

    code = "traffic.sum"
    hint = "Change them so that they add up to 100 % (10,000 basis points)."
    status = 422


class UnknownVersion(UserError):
    """A weight for a version that the environment does not have."""

    code = "traffic.unknown-version"
    hint = "Deploy the version to the environment first; `wistro versions` lists them."
    status = 422


def check(weights: Mapping[str, int]) -> None:
    """Raises BadWeight or WeightsSum unless these are a full list."""
    for version, weight in weights.items():
        if isinstance(weight, bool) or not isinstance(weight, int) or not 0 <= weight <= WHOLE:
            raise BadWeight(
                f"version {version} cannot have the weight {weight!r}",
                fields={version: "not a whole number from 0 to 10,000"},
            )
    if (total := sum(weights.values())) != WHOLE:
        raise WeightsSum(f"the weights add up to {percent(total)}, not 100 %")


def parse(text: str) -> int:
    """Basis points in `25%`, `33.3%` or `2500`; finer than a basis point is refused, not rounded."""
    points: Decimal | None = None
    if match := _PERCENT.fullmatch(text.strip()):
        points = Decimal(match[1]) * 100
    elif _POINTS.fullmatch(text.strip()):
        points = Decimal(text.strip())
    if points is None or points > WHOLE or points != int(points):
        raise BadWeight(f"`{text}` is not a weight")
    return int(points)


def parse_change(text: str) -> tuple[str, int]:
    """`27=25%` -> ("27", 2500); `v27` is version 27 too."""
    version, equals, weight = text.partition("=")
    version = version.strip().removeprefix("v")
    if not equals or not version:
        raise BadWeight(f"`{text}` is not a version and its weight", hint="Write it as 27=25%.")
    return version, parse(weight)


def adjust(changes: Iterable[str] | str, current: Mapping[str, int]) -> dict[str, int]:
    """The full list after `27=25%` (or several): the versions not named share the rest in proportion.

    `current` holds every version of the environment, those of weight 0 too. Whole basis points by
    largest remainder. Raises UnknownVersion, BadWeight, WeightsSum.
    """
    parsed = [parse_change(one) for one in ([changes] if isinstance(changes, str) else changes)]
    wanted = dict(parsed)
    if len(wanted) != len(parsed):
        raise BadWeight("a version is named twice")
    for version in wanted:
        if version not in current:
            raise UnknownVersion(f"version {version} is not in this environment")
    rest = WHOLE - sum(wanted.values())
    if rest < 0:
        raise WeightsSum(f"the weights add up to {percent(WHOLE - rest)}, not 100 %")
    others = {version: weight for version, weight in current.items() if version not in wanted}
    if rest and not sum(others.values()):
        raise WeightsSum(
            f"the weights add up to {percent(WHOLE - rest)}, and no other version serves to take the rest"
        )
    return {version: 0 for version in current} | _shared(rest, others) | wanted


def percent(points: int) -> str:
    """2500 -> `25 %`, 3330 -> `33.3 %`."""
    whole, part = divmod(points, 100)
    return f"{whole}.{part:02d}".rstrip("0").rstrip(".") + " %"


def _shared(rest: int, others: Mapping[str, int]) -> dict[str, int]:
    """`rest` among `others` in proportion to their weights: the largest remainders get the odd points."""
    total = sum(others.values())
    if not total:
        return {}
    shares = {version: rest * weight // total for version, weight in others.items()}
    odd = rest - sum(shares.values())
    by_remainder = sorted(others, key=lambda one: (-(rest * others[one] % total), one))
    for version in by_remainder[:odd]:
        shares[version] += 1
    return shares
