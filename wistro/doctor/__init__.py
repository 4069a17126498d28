"""What may be wrong with a project or a machine, and what to do about it: one finding a check.

`machine` looks at this computer, `project` at the folder, `running` at its store and engine; asking the Hub is the
command's, which has its client at hand. Nothing is changed by looking.
"""
