"""Types for a project's steps, from its lock: what `tsc` and `pyright` hold an emit, a message and a request to.

`shapes.py` JSON Schema as types; `surface.py` what each step may send and gets; `python.py` and `node.py` the text;
`write.py` the files under `.wistro/types`; `wire.py` how editors and checkers find them.
"""

from wistro.types.surface import Surface, surface_of
from wistro.types.wire import wire
from wistro.types.write import write_types

__all__ = ["Surface", "surface_of", "wire", "write_types"]
