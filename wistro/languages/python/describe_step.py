"""One step file: import it by path, read `config`, turn its types into JSON Schema. Standard library only."""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCHEMAS_AT = ("bodySchema", "input")  # and responseSchema's values, and each emit's `schema`


class NotPlain(Exception):
    """A value in `config` that a config cannot hold."""


def problem(code: str, message: str, line: int, *, file: str | None = None, hint: str = "") -> dict:
    return {"problem": {"code": code, "message": message, "line": line, "at": file, "hint": hint}}


def describe(root: str, file: str) -> dict:
    """{config, files} or {problem}; lines are the user's own."""
    path = Path(root, file)
    name = "wistro_step_" + "".join(one if one.isalnum() else "_" for one in file)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:  # whatever a step raises is its author's to read
        return _import_problem(error, root, file) | {"files": _files(root, file)}
    return _described(module, file) | {"files": _files(root, file)}


def _described(module, file: str) -> dict:
    config = getattr(module, "config", None)
    if config is None:
        return problem(
            "lock.no-config",
            f"`{file}` has no `config`",
            1,
            hint='A step file defines config = {"type": "event", "name": …} at its top level.',
        )
    if not isinstance(config, dict):
        return problem("lock.config", f"`config` is a {type(config).__name__}, not a dict", 1)
    handler = getattr(module, "handler", None)
    try:
        plain = {key: _value(key, value) for key, value in config.items()}
    except NotPlain as error:
        key, message = error.args
        return problem("lock.config", message, 0) | {"key": key}
    return {
        "config": plain,
        "handler": "missing"
        if handler is None
        else "callable"
        if callable(handler)
        else type(handler).__name__,
    }


def _value(key: str, value):
    if not isinstance(key, str):
        raise NotPlain(str(key), f"`config` has the key {key!r}, which is no text")
    if key in SCHEMAS_AT and value is not None:
        return _schema(value, key)
    if key == "responseSchema" and isinstance(value, dict):
        return {str(status): _schema(one, key) for status, one in value.items()}
    if key == "emits" and isinstance(value, list | tuple):
        return [_emit(one) for one in value]
    if key == "middleware" and isinstance(value, list | tuple):
        return [_named(one) for one in value]
    if key == "task" and isinstance(value, dict):
        return _task(value)
    return _plain(value, key)


def _named(function) -> str:
    """What is in the lock of a function: its name. It runs from the step's file."""
    if not callable(function):
        raise NotPlain("middleware", f"`middleware` is a list of functions, not of {function!r}")
    return getattr(function, "__name__", type(function).__name__)


def _task(value: dict) -> dict:
    """A No-Op step's: its answers' forms are schemas."""
    answers = value.get("answers")
    rest = {key: one for key, one in value.items() if key != "answers"}
    plain: dict = _plain(rest, "task")  # pyright: ignore[reportAssignmentType]: a dict stays one
    if isinstance(answers, dict):
        answers = {str(name): _with_schema(one, "form", "task") for name, one in answers.items()}
    return plain | ({} if answers is None else {"answers": answers})


def _emit(value):
    return _with_schema(value, "schema", "emits")


def _with_schema(value, at: str, key: str):
    """A part of the config as it is, but for the schema `at` one of its keys."""
    if not isinstance(value, dict) or value.get(at) is None:
        return _plain(value, key)
    rest = {name: one for name, one in value.items() if name != at}
    plain: dict = _plain(rest, key)  # pyright: ignore[reportAssignmentType]: a dict stays one
    return plain | {at: _schema(value[at], key)}


def _schema(value, key: str):
    kinds = types()
    try:
        return kinds.schema_of(value)
    except kinds.Unsupported as error:
        raise NotPlain(key, f"`{key}`: {error}") from error
    except Exception as error:  # pydantic's own errors, and a project's __get_pydantic_…__
        text = str(error).strip().splitlines()
        raise NotPlain(
            key, f"`{key}` gives no JSON Schema: {type(error).__name__}: {text[0] if text else ''}"
        ) from error


def types():
    name = "wistro_describe_types"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, HERE / "describe_types.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def _plain(value, key: str, depth: int = 0):
    if depth > 24:
        raise NotPlain(key, f"`{key}` is nested too deep or holds itself")
    if isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise NotPlain(key, f"`{key}` holds text that is not Unicode")
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        if isinstance(value, float) and (value != value or abs(value) == float("inf")):
            raise NotPlain(key, f"`{key}` holds {value}, which is not JSON")
        return value
    if isinstance(value, list | tuple):
        return [_plain(one, key, depth + 1) for one in value]
    if isinstance(value, dict):
        return {str(name): _plain(one, key, depth + 1) for name, one in value.items()}
    if callable(value):
        return {"$callable": getattr(value, "__name__", "function")}
    raise NotPlain(key, f"`{key}` holds a {type(value).__name__}, which a config cannot")


foreign: set = set()  # modules that were loaded before any step and are not the project's


def note_foreign(root: str) -> None:
    """Before the forks: what is loaded now need not be looked at after each."""
    own = loaded(root)
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or _relative(path, root) not in own:
            foreign.add(name)


def _files(root: str, file: str) -> list[str]:
    """The step's file and every project file that was loaded; not packages, not hidden folders."""
    return sorted({file} | loaded(root))


def loaded(root: str) -> set:
    top = os.path.realpath(root) + os.sep
    found = set()
    for name, module in list(sys.modules.items()):
        if name in foreign:
            continue
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or path.endswith((".so", ".pyd")):
            continue
        real = os.path.realpath(path)
        if real.startswith(top):
            below = real[len(top) :].replace(os.sep, "/")
            parts = below.split("/")
            if "site-packages" not in parts and not any(one.startswith(".") for one in parts):
                found.add(below)
    return found


def _import_problem(error: BaseException, root: str, file: str) -> dict:
    if isinstance(error, SyntaxError) and error.filename:
        where = _relative(error.filename, root) or file
        return problem("lock.syntax", f"{error.msg} (Python)", error.lineno or 1, file=where)
    line, at = 1, file
    for frame in traceback.extract_tb(error.__traceback__):
        below = _relative(frame.filename, root)
        if below is not None:
            line, at = frame.lineno or 1, below
    if isinstance(error, SystemExit):
        return problem(
            "lock.import", f"`{file}` exits while it is imported", line, file=at,
            hint="Guard scripts with if __name__ == '__main__'.",
        )  # fmt: skip
    text = f"{type(error).__name__}: {error}".strip().splitlines()[0]
    hint = ""
    if isinstance(error, ModuleNotFoundError):
        hint = (
            "It is for type checkers alone: import it under `if TYPE_CHECKING:`."
            if error.name == "wistro_types"
            else f"Run `wistro install`, or add `{error.name}` to the project's requirements."
        )
    elif isinstance(error, KeyError) and _asked_the_environment(error):
        hint = f"Declare it in wistro.yml, `env: [{error.args[0]}]`: a step sees no other variable."
    return problem("lock.import", f"`{file}` cannot be imported: {text}", line, file=at, hint=hint)


def _asked_the_environment(error: KeyError) -> bool:
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not None and last.tb_frame.f_code is type(os.environ).__getitem__.__code__


def _relative(path: str, root: str) -> str | None:
    if path.startswith("<"):  # "<frozen os>", "<string>": no file
        return None
    top = os.path.realpath(root) + os.sep
    real = os.path.realpath(path)
    if not real.startswith(top):
        return None
    below = real[len(top) :].replace(os.sep, "/")
    parts = below.split("/")
    if "site-packages" in parts or any(one.startswith(".") for one in parts):
        return None
    return below
