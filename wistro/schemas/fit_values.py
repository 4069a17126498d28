"""Numbers and texts of an emitter against those that a subscriber wants."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from wistro.schemas import examples
from wistro.schemas.normalise import Schema
from wistro.schemas.view import SAFE

if TYPE_CHECKING:
    from wistro.schemas.fit import Comparison, Misfit


def numbers(of: Comparison, emitted: Schema, wanted: Schema) -> Misfit | None:
    from wistro.schemas.fit import Misfit

    low, high = bounds(emitted)
    want_low, want_high = bounds(wanted, of_integers=emitted["type"] == "integer")
    word, said = None, ""
    if low < want_low:
        word, said = "minimum", f"may be less than {_shown(want_low[0])}"
        word = word if word in wanted else "exclusiveMinimum"
    elif high > want_high:
        word, said = "maximum", f"may be more than {_shown(want_high[0])}"
        word = word if word in wanted else "exclusiveMaximum"
    elif "multipleOf" in wanted and not _is_multiple(emitted, wanted["multipleOf"]):
        word, said = "multipleOf", f"may be no multiple of {_shown(wanted['multipleOf'])}"
    if word is None:
        return None
    candidates = examples.numbers(emitted, wanted)
    return Misfit(word, said, witness=of.witness(emitted, wanted, candidates))


Bound = tuple[
    float, int
]  # a value, and 1 (from below) or -1 (from above) when it is not itself allowed


def bounds(schema: Schema, *, of_integers: bool = False) -> tuple[Bound, Bound]:
    """The least and the greatest; integers are bounded by what a message may hold."""
    low: Bound = (-math.inf, 0)
    high: Bound = (math.inf, 0)
    if "minimum" in schema:
        low = max(low, (schema["minimum"], 0))
    if "exclusiveMinimum" in schema:
        low = max(low, (schema["exclusiveMinimum"], 1))
    if "maximum" in schema:
        high = min(high, (schema["maximum"], 0))
    if "exclusiveMaximum" in schema:
        high = min(high, (schema["exclusiveMaximum"], -1))
    if schema.get("type") == "integer":
        low, high = max(low, (-SAFE, 0)), min(high, (SAFE, 0))
    if (schema.get("type") == "integer" or of_integers) and math.isfinite(low[0]):
        low = (math.floor(low[0]) + 1 if low[1] else math.ceil(low[0]), 0)
    if (schema.get("type") == "integer" or of_integers) and math.isfinite(high[0]):
        high = (math.ceil(high[0]) - 1 if high[1] else math.floor(high[0]), 0)
    return low, high


def _is_multiple(emitted: Schema, of: float) -> bool:
    step = emitted.get("multipleOf", 1 if emitted["type"] == "integer" else None)
    if step == of:
        return True
    # Floats divide inexactly; only whole steps are decided.
    return (
        step is not None and float(of).is_integer() and float(step).is_integer() and step % of == 0
    )


def texts(of: Comparison, emitted: Schema, wanted: Schema) -> Misfit | None:
    from wistro.schemas.fit import Misfit

    word, said = None, ""
    if wanted.get("minLength", 0) > emitted.get("minLength", 0):
        word, said = "minLength", f"may be shorter than {wanted['minLength']}"
    elif wanted.get("maxLength", math.inf) < emitted.get("maxLength", math.inf):
        word, said = "maxLength", f"may be longer than {wanted['maxLength']}"
    elif "pattern" in wanted and wanted["pattern"] != emitted.get("pattern"):
        word, said = "pattern", f"may not match {wanted['pattern']}"
    if word is not None:
        candidates = examples.texts(emitted, wanted)
        return Misfit(word, said, witness=of.witness(emitted, wanted, candidates))
    if "format" in wanted and wanted["format"] != emitted.get("format"):
        return Misfit("format")  # validators may or may not look at it
    return None


def _shown(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)
