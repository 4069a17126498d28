"""What of a Go file is a package-level variable."""

from __future__ import annotations

import pytest

from wistro.languages.go.scan import scan


@pytest.mark.parametrize(
    ("source", "variables"),
    [
        ("var A = 1\n", {"A": 3}),
        ("var A, B int\n", {"A": 3, "B": 3}),
        ("var _, C = f()\n", {"C": 3}),
        ("var (\n\tA = f(\n\t\t1,\n\t)\n\tB, C int\n)\n", {"A": 4, "B": 7, "C": 7}),
        ("var (A = 1; B = 2); var C = 3\n", {"A": 3, "B": 3, "C": 3}),
        ("var A = func() {\n\tvar inner = 1\n\t_ = inner\n}\nvar B = 2\n", {"A": 3, "B": 7}),
        ("func f() {\n\tvar inner = 1\n}\n", {}),
        ("// var A = 1\n/* var B = 2\n*/ var C = 3\n", {"C": 5}),
        ('var A = `\nvar B = 1\n`\nvar C = "var D = 1"\n', {"A": 3, "C": 6}),
        ("var A = '{'\nvar B = '\\''\n", {"A": 3, "B": 4}),
        ('var Größe = map[string][]int{\n\t"a": {1},\n}\nvar b = 1\n', {"Größe": 3, "b": 6}),
        ("var A Step /* tail */\nvar B = x.\n\ty\n", {"A": 3, "B": 4}),
        ("type var1 struct{ A int }\nconst C = 1\n", {}),
    ],
)
def test_variables_are_those_at_the_top(source: str, variables: dict[str, int]) -> None:
    assert scan(f"package a\n\n{source}").variables == variables


@pytest.mark.parametrize(
    ("source", "package", "line"),
    [
        ("package shipping\n", "shipping", 1),
        ("// Package x is\n// package y\n\npackage z // nothing\n", "z", 4),
        ("/*\npackage a\n*/\npackage b;\n", "b", 4),
        ("", "", 1),
        ('"unfinished', "", 1),
        ("`unfinished\npackage a", "", 1),
    ],
)
def test_package_is_read_past_comments(source: str, package: str, line: int) -> None:
    found = scan(source)

    assert (found.package, found.package_line) == (package, line)
