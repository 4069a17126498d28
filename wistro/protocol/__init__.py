"""Every message on a wire, and the shapes that both user interfaces read. No behaviour, no I/O.

`ids` and `times` are the spellings; `frames` engine <-> language host; `route` gateway -> engine;
`routing` Hub -> gateway; `machine` Hub <-> fleet; `bundle` a version's files; `records` engine -> Hub;
`reading` what screens and the CLI are shown. Golden files: tests/golden/protocol.
"""

PROTOCOL = 1  # frames and machine API; both sides speak n and n-1, a newer peer is refused by name
