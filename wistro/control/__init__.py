"""Operating a project from its terminal: what a command asks of the process that runs it, over a socket of the user's own.

`place` is where that socket lies, `serve` answers on it, `client` asks. `answers` is what is asked for, by an engine, or
by the store's files where none runs. The shapes are `wistro/protocol/reading.py`'s and `operating.py`'s.
"""
