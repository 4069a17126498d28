"""The first run's refusals and what it skips."""

import os
import subprocess
import sys

import pytest

from infra import bootstrap
from infra.place import CHECKOUT
from infra.reasons import reason
from infra.terminal import Failed


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            "collecting\nerror: Failed to fetch: `x`\n  caused by: y\n",
            "error: Failed to fetch: `x`",
        ),
        ("npm error code EUSAGE\nnpm error lock is out of sync\n", "npm error lock is out of sync"),
        ("one\ntwo\n", "two"),
        ("", "it said nothing"),
        (
            "✗ Build failed in 3ms\nerror during build:\nError: Failed to resolve /a\n",
            "Error: Failed to resolve /a",
        ),
        (
            "Traceback (most recent call last):\n  File x\n    y()\nmod.Unset: A is not set\n[INFO] bye\n",
            "mod.Unset: A is not set",
        ),
    ],
)
def test_the_reason_is_the_line_that_says_why(said, why):
    assert reason(said) == why


def test_a_node_that_is_too_old_gets_one_line(tmp_path, monkeypatch):
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\necho v18.19.0\n")
    node.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    with pytest.raises(Failed, match=r"Node 20.19 or newer is needed, this is v18.19.0"):
        bootstrap.refuse_old_node()


def test_a_missing_node_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Failed, match="Node is missing"):
        bootstrap.refuse_old_node()


def test_a_command_that_runs_out_of_space_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    (tmp_path / ".data").mkdir()
    argv = [
        sys.executable,
        "-c",
        "import sys; sys.exit('OSError: [Errno 28] No space left on device')",
    ]

    with pytest.raises(Failed, match="no space left"):
        bootstrap.run(argv, "packages", cwd=tmp_path)


@pytest.mark.parametrize(
    "said",
    [
        "ERROR: Could not find a version that satisfies the requirement uv==1 (from versions: none)",
        "npm error code ENOTFOUND",
    ],
)
def test_an_index_that_does_not_answer_is_said(tmp_path, monkeypatch, said):
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    (tmp_path / ".data").mkdir()

    with pytest.raises(Failed, match="Packages: the package index could not be reached"):
        bootstrap.run(
            [sys.executable, "-c", f"import sys; sys.exit({said!r})"], "Packages", cwd=tmp_path
        )


def test_an_interpreter_that_is_gone_makes_a_broken_environment(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(tmp_path / "moved-away")

    assert bootstrap.runs(tmp_path) is False


def test_an_environment_that_was_cut_off_before_pip_is_broken(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path)], check=True)

    assert bootstrap.runs(tmp_path) is False


def test_an_environment_is_unfinished_from_its_first_moment(tmp_path, monkeypatch):
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "UNFINISHED", tmp_path / ".venv" / ".unfinished")
    seen = []

    def cut_off(argv, **_):
        seen.append(bootstrap.UNFINISHED.exists())
        raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap.subprocess, "run", cut_off)

    with pytest.raises(KeyboardInterrupt):
        bootstrap.make_venv()
    assert seen == [True]


def test_every_requirement_is_pinned_by_hash_and_no_index_is_named():
    for path in sorted((CHECKOUT / "requirements").glob("*.txt")):
        text = path.read_text()
        pins = [
            line for line in text.splitlines() if "==" in line and not line.lstrip().startswith("#")
        ]
        assert pins
        assert all(line.endswith("\\") for line in pins), path.name
        assert "://" not in text, path.name
        assert "--index" not in text, path.name


def test_bootstrap_parses_on_pythons_that_are_too_old_to_run_it():
    import ast

    for name in ("bootstrap", "terminal", "__init__"):
        ast.parse((CHECKOUT / "infra" / f"{name}.py").read_text(), feature_version=(3, 8))


def test_bootstrap_needs_nothing_installed():
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); import infra.bootstrap",
        ],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"]},
        check=False,
    )

    assert done.stderr == ""
