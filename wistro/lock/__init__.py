"""The lock file: its shape (`model`), reading and writing it (`file`), comparing two (`diff`).

It is all that is needed to run a project; nothing here runs a project's code.
"""
