"""Step files, loaded by path when first called."""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


class UnknownStep(Exception):
    """The engine named a step that it did not list: its own mistake, so it says so."""


class NoHandler(Exception):
    """The step file has no function `handler`."""


class Loaded:
    """A step's handler, how many arguments it takes, and what its config puts around it."""

    __slots__ = ("handler", "is_async", "middleware", "takes")

    def __init__(self, handler, middleware=()) -> None:
        self.handler = handler
        self.middleware = tuple(middleware)
        call = handler if inspect.isroutine(handler) else type(handler).__call__
        self.is_async = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(call)
        if inspect.isasyncgenfunction(handler) or inspect.isasyncgenfunction(call):
            self.is_async, self.handler = True, _generating(handler)
        self.takes = _positional(handler)


class Steps:
    """`files`: step's id -> {"file": path relative to root}."""

    def __init__(self, root: str, files: dict) -> None:
        self._root = root
        self._files = files
        self._loaded: dict[str, Loaded] = {}

    def importable(self) -> None:
        """The root, its folders that hold steps (src), and the installed packages of a bundle can be imported from."""
        tops = sorted(
            {code["file"].split("/")[0] for code in self._files.values() if "/" in code["file"]}
        )
        packages = Path(self._root, ".wistro", "packages", "python")
        first = [str(Path(self._root, top)) for top in tops] + [self._root]
        sys.path[:0] = first + ([str(packages)] if packages.is_dir() else [])
        sys.path.append(str(HERE / "stubs"))  # last: a project that has the real ones keeps them

    def get(self, step: str) -> Loaded:
        return self._loaded.get(step) or self._load(step)

    def _load(self, step: str) -> Loaded:
        code = self._files.get(step)
        if code is None:
            raise UnknownStep(f"this host has no step `{step}`")
        path = Path(self._root, code["file"])
        name = "wistro_steps_" + re.sub(r"\W", "_", step)
        while name in sys.modules:
            name += "_"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses and type hints look their module up
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name, None)
            raise
        handler = getattr(module, "handler", None)
        if not callable(handler):
            raise NoHandler(f"{code['file']} has no function `handler`")
        loaded = self._loaded[step] = Loaded(handler, _middleware(module))
        return loaded


def _middleware(module):
    config = getattr(module, "config", None)
    return (config.get("middleware") or ()) if isinstance(config, dict) else ()


def _generating(handler):
    """An async generator's call runs nothing yet: it needs no thread."""

    async def handle(*arguments):
        return handler(*arguments)

    return handle


def _positional(handler) -> int:
    try:
        parameters = inspect.signature(handler).parameters.values()
    except (TypeError, ValueError):
        return 2
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return 2
    return sum(one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) for one in parameters)
