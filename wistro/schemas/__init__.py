"""JSON Schema: one normal form, and whether what is emitted fits what is subscribed to.

`normalise.py` the form; `fit.py` the comparison, with `fit_shapes.py` and `fit_values.py`; `disjoint.py`
contradictions; `examples.py` instances that show a misfit; `view.py` branches; `combine.py` several as one.
"""

from wistro.schemas.combine import all_of, any_of
from wistro.schemas.disjoint import Clash, contradict
from wistro.schemas.fit import fits
from wistro.schemas.normalise import Schema, UnusableSchema, key, normalise
from wistro.schemas.verdict import CannotDecide, DoesNotFit, Fits, Verdict

__all__ = [
    "CannotDecide",
    "Clash",
    "DoesNotFit",
    "Fits",
    "Schema",
    "UnusableSchema",
    "Verdict",
    "all_of",
    "any_of",
    "contradict",
    "fits",
    "key",
    "normalise",
]
