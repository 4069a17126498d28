"""`wistro check`: the languages' own type checkers over a project's steps, their findings in one form.

`port.py` what a checker is; `tsc.py`, `pyright.py` and `vet.py` the adapters; `annotated.py` which handlers have
types to be held to; `tools.py` the checkers of a project that brings none; `check.py` all of it.
"""

from wistro.checkers.check import Checked, check_project, of_compiling

__all__ = ["Checked", "check_project", "of_compiling"]
