"""An exception as a Failed frame: its name, its message, and the user's own lines of the traceback."""

from __future__ import annotations

import os
import traceback

from .values import encode_loosely

MAX_TEXT = 64 * 1024
FOREIGN = ("site-packages", "dist-packages", os.sep + ".venv" + os.sep, os.sep + ".wistro" + os.sep)


def failed_rest(error: BaseException, root: str) -> bytes:
    """What follows `"call":n` in the frame."""
    retry_after = getattr(error, "seconds", None) if _is(error, "RetryAfter") else None
    return b',"type":%s,"message":%s,"stack":%s,"retry":"%s"%s' % (
        encode_loosely(type(error).__qualname__),
        encode_loosely(_message(error)[:MAX_TEXT]),
        encode_loosely(stack_of(error, root)[:MAX_TEXT]),
        b"never" if _is(error, "NonRetriable") or _is(error, "NotYet") else b"yes",
        b"" if retry_after is None else b',"retry_after_s":%s' % encode_loosely(retry_after),
    )


def _is(error: BaseException, name: str) -> bool:
    """By name: a project's own copy of the SDK is another class."""
    return any(
        base.__name__ == name and base.__module__.startswith("wistro_sdk")
        for base in type(error).__mro__
    )


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "(its message could not be read)"


def stack_of(error: BaseException, root: str) -> str:
    """Innermost last, paths relative to the project; where it was caused comes before."""
    parts = []
    seen = set()
    link = error
    while link is not None and id(link) not in seen and len(parts) < 10:
        seen.add(id(link))
        text = _own_frames(link, root)
        if link is not error:
            text += f"{type(link).__qualname__}: {_message(link)[:2000]}\n"
        parts.append(text)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return "\n".join(reversed([part for part in parts if part])).rstrip("\n")


def _own_frames(error: BaseException, root: str) -> str:
    prefix = root.rstrip(os.sep) + os.sep
    frames = []
    for frame in traceback.extract_tb(error.__traceback__):
        path = frame.filename
        if path.startswith(prefix) and not any(part in path for part in FOREIGN):
            frames.append(
                traceback.FrameSummary(
                    path[len(prefix) :].replace(os.sep, "/"),
                    frame.lineno,
                    frame.name,
                    line=frame.line,
                )
            )
    text = "".join(traceback.format_list(frames[-50:]))
    if isinstance(error, SyntaxError) and error.filename:
        name = error.filename
        name = name[len(prefix) :].replace(os.sep, "/") if name.startswith(prefix) else name
        text += f'  File "{name}", line {error.lineno}\n    {(error.text or "").strip()}\n'
    return text
