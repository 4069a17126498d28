"""Generated files are written when they say something new, and a project is led to them once."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from wistro.lock.model import Lock, LockedStep, LockedTopic, Reference, StepConfig
from wistro.types import wire, write_types
from wistro.types.wire import advice, has_config, is_wired
from wistro.types.write import NODE, NODE_SDK, PYTHON


def a_lock(**properties: str) -> Lock:
    """A cron step in each of two languages, which emit one topic of these properties."""
    schema = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
    }
    return Lock(
        lock=1,
        digest="",
        steps={
            f"src/{language}": LockedStep(
                file=f"src/{language}.step.x",
                files=[],
                digest="",
                language=language,
                config=StepConfig(type="cron", name=f"Tell in {language}", emits=["told"]),
            )
            for language in ("python", "node")
        },
        topics={"told": LockedTopic(schema=Reference("#/schemas/a"))},
        schemas={"a": schema},
    )


def test_a_file_is_written_when_it_says_something_new(tmp_path: Path) -> None:
    first = write_types(tmp_path, a_lock(sku="string"))
    again = write_types(tmp_path, a_lock(sku="string"))
    changed = write_types(tmp_path, a_lock(sku="integer"))

    assert f"{NODE}/index.d.ts" in first and f"{NODE_SDK}/index.d.ts" in first
    assert again == []
    assert changed == [f"{PYTHON}/wistro_types/__init__.py", f"{NODE}/index.d.ts"]
    assert "sku: NotRequired[int]" in (tmp_path / changed[0]).read_text().replace("_t.", "")


def test_a_language_has_the_steps_that_are_its_own(tmp_path: Path) -> None:
    write_types(tmp_path, a_lock())

    python = (tmp_path / PYTHON / "wistro_types" / "__init__.py").read_text()
    node = (tmp_path / NODE / "index.d.ts").read_text()

    assert "class TellInPython(" in python and "class TellInNode(" not in python
    assert '"Tell in node": sdk.CronHandler<' in node and "Tell in python" not in node


def test_a_project_without_configurations_gets_them(tmp_path: Path) -> None:
    said = wire(tmp_path, {"python", "node"}, javascript=True)

    options = json.loads((tmp_path / "tsconfig.json").read_text())["compilerOptions"]
    assert said == []
    assert options["allowJs"] is True and options["paths"]["@wistro/sdk"][0].startswith(f"./{NODE}")
    assert PYTHON in json.loads((tmp_path / "pyrightconfig.json").read_text())["extraPaths"]
    assert is_wired(tmp_path, "python") and is_wired(tmp_path, "node")


def test_what_an_author_wrote_stays(tmp_path: Path) -> None:
    tsconfig = {"compilerOptions": {"strict": False, "paths": {"~/*": ["./src/*"], "@wistro/sdk": [f"./{NODE_SDK}/index.d.ts"]}}}  # fmt: skip
    (tmp_path / "tsconfig.json").write_text(json.dumps(tsconfig))
    (tmp_path / "pyrightconfig.json").write_text('{"strict": ["src"], "extraPaths": ["lib"]}')

    wire(tmp_path, {"python", "node"})

    found = json.loads((tmp_path / "tsconfig.json").read_text())["compilerOptions"]
    assert found["strict"] is False and found["paths"]["~/*"] == ["./src/*"]
    assert found["paths"]["@wistro/sdk"] == [f"./{NODE}/index.d.ts", f"./{NODE_SDK}/index.d.ts"]
    config = json.loads((tmp_path / "pyrightconfig.json").read_text())
    assert config["strict"] == ["src"] and config["extraPaths"][0] == "lib"
    assert PYTHON in config["extraPaths"]


def test_a_configuration_with_comments_is_left_and_told(tmp_path: Path) -> None:
    commented = '{\n  // ours\n  "compilerOptions": {}\n}\n'
    (tmp_path / "tsconfig.json").write_text(commented)
    (tmp_path / "pyproject.toml").write_text('[tool.pyright]\ninclude = ["src"]\n')

    said = wire(tmp_path, {"python", "node"})

    assert said == [advice("node"), advice("python")]
    assert (tmp_path / "tsconfig.json").read_text() == commented
    assert not (tmp_path / "pyrightconfig.json").exists()
    assert has_config(tmp_path, "python") and not is_wired(tmp_path, "python")


def test_a_pyproject_that_leads_to_the_types_needs_nothing(tmp_path: Path) -> None:
    text = f'[tool.pyright]\nextraPaths = ["src", "{PYTHON}"]\n'
    (tmp_path / "pyproject.toml").write_text(text)

    assert wire(tmp_path, {"python"}) == []
    assert tomllib.loads(text)["tool"]["pyright"] and is_wired(tmp_path, "python")
