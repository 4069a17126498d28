"""Does this emitter fit that subscriber? By the keywords in `view.DECIDED`, and never by a guess.

*Fits* is proved from the two schemas. *Does not fit* needs an instance, confirmed by a validator, that
the one allows and the other refuses. All else is *cannot decide*. An emitter's schema that leaves
undeclared properties open is not held against it: that alone is *cannot decide* too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from wistro.schemas import examples
from wistro.schemas.disjoint import are_disjoint
from wistro.schemas.normalise import Schema
from wistro.schemas.verdict import CannotDecide, DoesNotFit, Fits, Verdict
from wistro.schemas.view import ANNOTATIONS, DECIDED, Document, TooMany, speaks_of

NOTHING: Any = object()  # no witness is at hand
MAX_DEPTH = 60


@dataclass(frozen=True)
class Misfit:
    """A part of the emitter's that may not fit. With a witness it is a proof; without, a doubt."""

    keyword: str
    why: str = ""
    path: tuple[str, ...] = ()
    witness: Any = NOTHING

    @property
    def is_proved(self) -> bool:
        return self.witness is not NOTHING


def fits(emitter: Schema, subscriber: Schema) -> Verdict:
    """Whether every instance of `emitter` fits `subscriber`; both normalised."""
    comparison = Comparison(Document(emitter), Document(subscriber))
    found = comparison.compare(emitter, subscriber)
    if found is None:
        return Fits()
    path = "".join(f"/{part}" for part in found.path)
    if found.is_proved and comparison.is_witness(emitter, subscriber, found.witness):
        return DoesNotFit(path, found.why, found.witness)
    return CannotDecide(path, found.keyword)


class Comparison:
    def __init__(self, emitter: Document, subscriber: Document) -> None:
        self.emitter = emitter
        self.subscriber = subscriber
        self._assumed: set[tuple[int, int]] = set()
        self._depth = 0

    def is_witness(self, emitted: Any, wanted: Any, value: Any) -> bool:
        return self.emitter.holds(emitted, value) and not self.subscriber.holds(wanted, value)

    def witness(self, emitted: Any, wanted: Any, candidates: Any) -> Any:
        """The first candidate that shows the misfit, or NOTHING."""
        for value in candidates:
            if self.is_witness(emitted, wanted, value):
                return value
        return NOTHING

    def compare(self, emitted: Any, wanted: Any) -> Misfit | None:
        """None when all that `emitted` allows fits `wanted`."""
        if wanted is True or wanted == {} or emitted is False or emitted == wanted:
            return None
        pair = (id(emitted), id(wanted))
        if pair in self._assumed:
            return None  # a recursive schema: it fits unless another part of it does not
        if self._depth > MAX_DEPTH:
            return Misfit("$ref")
        self._assumed.add(pair)
        self._depth += 1
        try:
            return self._compare(emitted, wanted)
        finally:
            self._depth -= 1
            self._assumed.discard(pair)

    def _compare(self, emitted: Any, wanted: Any) -> Misfit | None:
        if isinstance(emitted, dict) and "$ref" in emitted and len(emitted) == 1:
            return self.compare(self.emitter.target(emitted["$ref"]), wanted)
        if isinstance(wanted, dict) and "$ref" in wanted and len(wanted) == 1:
            return self.compare(emitted, self.subscriber.target(wanted["$ref"]))
        try:
            branches = self.emitter.branches(emitted)
        except TooMany:
            return Misfit("anyOf")
        return worst(self._branch(branch, wanted) for branch in branches)

    def _branch(self, branch: Schema, wanted: Any) -> Misfit | None:
        if "enum" in branch:
            return self._values(branch, wanted)
        if wanted is False or wanted.get("not") in (True, {}):
            return Misfit("not", "nothing is allowed here", witness=self._any(branch, wanted))
        return worst(
            (
                self._own(branch, wanted),
                self._whole(branch, wanted, "$ref"),
                self._whole(branch, wanted, "allOf"),
                self._alternatives(branch, wanted, "anyOf"),
                self._alternatives(branch, wanted, "oneOf"),
            )
        )

    def _values(self, branch: Schema, wanted: Any) -> Misfit | None:
        for value in branch["enum"]:
            if self.is_witness(branch, wanted, value):
                return Misfit("enum", f"{examples_text(value)} is not allowed here", witness=value)
        return None

    def _whole(self, branch: Schema, wanted: Schema, word: str) -> Misfit | None:
        if word not in wanted:
            return None
        parts = wanted["allOf"] if word == "allOf" else [self.subscriber.target(wanted["$ref"])]
        return worst(self.compare(branch, part) for part in parts)

    def _alternatives(self, branch: Schema, wanted: Schema, word: str) -> Misfit | None:
        if word not in wanted:
            return None
        parts = wanted[word]
        said = [self.compare(branch, part) for part in parts]
        fitting = [index for index, one in enumerate(said) if one is None]
        if fitting and word == "anyOf":
            return None
        if fitting:
            others = [part for index, part in enumerate(parts) if index != fitting[0]]
            if all(are_disjoint(self.emitter, branch, self.subscriber, one) for one in others):
                return None
            return Misfit("oneOf")
        whole = {word: parts}
        misfits = [one for one in said if one is not None]
        candidates = [one.witness for one in misfits if one.is_proved]
        witness = self.witness(branch, whole, candidates)
        nearest = _nearest(misfits)
        if witness is not NOTHING:
            return replace(nearest, witness=witness, keyword=word)
        return Misfit(nearest.keyword if len(parts) == 1 else word, path=nearest.path)

    def _own(self, branch: Schema, wanted: Schema) -> Misfit | None:
        kind = branch["type"]
        for word in wanted:
            if word not in DECIDED and word not in ANNOTATIONS and not word.startswith("x-"):
                return Misfit(word)
        own = {
            word: value
            for word, value in wanted.items()
            if word not in ("$ref", "allOf", "anyOf", "oneOf") and word in DECIDED
        }
        misfit = self._type(branch, own, kind)
        if misfit is not None:
            return misfit
        for word in ("enum", "const"):
            if word in own:
                allowed = own[word] if word == "enum" else [own[word]]
                why = f"only {', '.join(map(examples_text, allowed[:5]))} is allowed here"
                return Misfit(word, why, witness=self._any(branch, own))
        own = {word: value for word, value in own.items() if speaks_of(word, kind)}
        from wistro.schemas import fit_shapes, fit_values

        if kind == "object":
            return fit_shapes.objects(self, branch, own)
        if kind == "array":
            return fit_shapes.arrays(self, branch, own)
        if kind == "string":
            return fit_values.texts(self, branch, own)
        return fit_values.numbers(self, branch, own)

    def _type(self, branch: Schema, own: Schema, kind: str) -> Misfit | None:
        if "type" not in own:
            return None
        types = [own["type"]] if isinstance(own["type"], str) else own["type"]
        if kind in types or (kind == "integer" and "number" in types):
            return None
        if (
            kind == "number"
            and "integer" in types
            and float(branch.get("multipleOf", 0.5)).is_integer()
        ):
            return None
        why = f"{_A[kind]} where {' or '.join(_A[one] for one in types)} is wanted"
        return Misfit("type", why, witness=self._any(branch, own))

    def _any(self, branch: Schema, wanted: Any) -> Any:
        return self.witness(branch, wanted, examples.examples(self.emitter, branch))


_A = {
    "null": "null",
    "boolean": "a boolean",
    "integer": "an integer",
    "number": "a number",
    "string": "a text",
    "array": "a list",
    "object": "an object",
}


def worst(found: Iterable[Misfit | None]) -> Misfit | None:
    """A proved misfit before a doubt before none; of several the outermost, and a wrong tag before what hangs on it."""
    misfits = [one for one in found if one is not None]
    proved = [one for one in misfits if one.is_proved]
    if proved:
        return min(proved, key=lambda one: (len(one.path), one.keyword not in ("enum", "const")))
    return misfits[0] if misfits else None


def _nearest(misfits: list[Misfit]) -> Misfit:
    """The alternative that came closest: one that failed deeper, or not by its type."""
    return max(misfits, key=lambda one: (len(one.path), one.keyword != "type"))


def examples_text(value: Any) -> str:
    text = repr(value) if not isinstance(value, str) else f"`{value}`"
    return {"None": "null", "True": "true", "False": "false"}.get(text, text[:60])
