"""A Go file's package and its package-level variables, read from its text: wistro's program refers to each of them.

Only as much of Go's grammar as that takes (https://go.dev/ref/spec#Lexical_elements); what is wrong is the compiler's to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""
    (?P<comment>//[^\n]*|/\*.*?(?:\*/|\Z))
  | (?P<text>`[^`]*(?:`|\Z)|"(?:[^"\\\n]|\\.)*(?:"|$)|'(?:[^'\\\n]|\\.)*(?:'|$))
  | (?P<word>[^\W\d]\w*)
  | (?P<number>\d[\w.]*)
  | (?P<line>\n)
  | (?P<mark>\S)
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
# A newline ends a statement after one of these: the semicolon that Go puts there itself.
_ENDS_STATEMENT = frozenset(")]}")
_GOES_ON = frozenset(
    [
        "break",
        "case",
        "chan",
        "const",
        "default",
        "defer",
        "else",
        "for",
        "func",
        "go",
        "goto",
        "if",
        "import",
        "interface",
        "map",
        "package",
        "range",
        "select",
        "struct",
        "switch",
        "type",
        "var",
    ]
)


@dataclass(frozen=True)
class Scanned:
    """`variables`: name -> line, those of `var` at the file's top level; `_` is none."""

    package: str = ""
    package_line: int = 1
    variables: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int


def scan(source: str) -> Scanned:
    package, package_line = "", 1
    variables: dict[str, int] = {}
    for words in _statements(source):
        first = words[0].text if words and words[0].kind == "word" else ""
        if first == "package" and len(words) > 1 and not package:
            package, package_line = words[1].text, words[1].line
        elif first == "var":
            variables |= _variables(words[1:])
    return Scanned(package, package_line, variables)


def _statements(source: str) -> Iterator[list[_Token]]:
    """The file's top-level statements; within their brackets semicolons stay as tokens of kind `end`."""
    statement: list[_Token] = []
    depth = 0
    for token in _tokens(source):
        if token.kind == "mark" and token.text in "([{":
            depth += 1
        elif token.kind == "mark" and token.text in ")]}":
            depth -= 1
        if token.kind == "end" and depth <= 0:
            yield statement
            statement, depth = [], 0
        else:
            statement.append(token)
    yield statement


def _tokens(source: str) -> Iterator[_Token]:
    line = 1
    last: _Token | None = None
    for match in _TOKEN.finditer(source):
        kind, text = match.lastgroup or "", match.group()
        if ((kind == "line" or (kind == "comment" and "\n" in text)) and _ends(last)) or (
            kind == "mark" and text == ";"
        ):
            last = _Token("end", ";", line)
            yield last
        elif kind not in ("line", "comment"):
            last = _Token(kind, text, line)
            yield last
        line += text.count("\n")
    yield _Token("end", ";", line)


def _ends(last: _Token | None) -> bool:
    if last is None or last.kind == "end":
        return False
    if last.kind == "mark":
        return last.text in _ENDS_STATEMENT
    return last.kind != "word" or last.text not in _GOES_ON


def _variables(words: list[_Token]) -> dict[str, int]:
    """Of `var A, B = …` or of `var ( … )`."""
    if not words or words[0].text != "(":
        return _names(words)
    found: dict[str, int] = {}
    depth, spec = 0, []
    for token in words[1:]:
        if token.kind == "mark" and token.text in "([{":
            depth += 1
        elif token.kind == "mark" and token.text in ")]}":
            depth -= 1
        if depth < 0:
            break
        if token.kind == "end" and depth == 0:
            found |= _names(spec)
            spec = []
        else:
            spec.append(token)
    return found | _names(spec)


def _names(spec: list[_Token]) -> dict[str, int]:
    found: dict[str, int] = {}
    for at in range(0, len(spec), 2):
        if spec[at].kind != "word":
            break
        if spec[at].text != "_":
            found[spec[at].text] = spec[at].line
        if at + 1 >= len(spec) or spec[at + 1].text != ",":
            break
    return found
