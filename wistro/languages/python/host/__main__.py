"""Started by the engine as `python <this folder>`, its socket on descriptor 3."""

import importlib
import importlib.util
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def load_own_package() -> None:
    """Under a name of its own, and with this folder off sys.path: a project may have any module name."""
    sys.path[:] = [path for path in sys.path if Path(path or ".").resolve() != HERE]
    spec = importlib.util.spec_from_file_location(
        "wistro_host", HERE / "__init__.py", submodule_search_locations=[str(HERE)]
    )
    assert spec is not None and spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["wistro_host"] = package
    spec.loader.exec_module(package)
    sys.path.insert(0, str(HERE.parent / "sdk"))
    import wistro_sdk  # noqa: F401  the shipped copy, whatever the project has installed

    sys.path.pop(0)


if __name__ == "__main__":
    load_own_package()
    importlib.import_module("wistro_host.host").main()
