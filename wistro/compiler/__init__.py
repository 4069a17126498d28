"""From a project folder to its lock: find steps, ask each language to describe them, check that events meet."""

from wistro.compiler.check import LockCheck, check_lock
from wistro.compiler.project import Compiled, compile_project

__all__ = ["Compiled", "LockCheck", "check_lock", "compile_project"]
