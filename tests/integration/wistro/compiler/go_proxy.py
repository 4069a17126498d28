"""A Go module proxy in a folder: what `go` asks for of one module (https://go.dev/ref/mod#goproxy-protocol)."""

from __future__ import annotations

import zipfile
from pathlib import Path

MODULE, VERSION = "example.com/greet", "v1.2.3"
SOURCE = 'package greet\n\nfunc Hello(name string) string { return "Hello, " + name }\n'


def lay(folder: Path) -> Path:
    """The proxy's folder: use it as `file://<folder>`, or serve it."""
    at = folder / MODULE / "@v"
    at.mkdir(parents=True)
    go_mod = f"module {MODULE}\n\ngo 1.22\n"
    (at / "list").write_text(f"{VERSION}\n")
    (at / f"{VERSION}.info").write_text(f'{{"Version":"{VERSION}","Time":"2026-01-01T00:00:00Z"}}')
    (at / f"{VERSION}.mod").write_text(go_mod)
    with zipfile.ZipFile(at / f"{VERSION}.zip", "w") as archive:
        archive.writestr(f"{MODULE}@{VERSION}/go.mod", go_mod)
        archive.writestr(f"{MODULE}@{VERSION}/greet.go", SOURCE)
    return folder
