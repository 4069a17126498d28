"""Stands in for Motia's package where it is not installed: files that import only types from it run."""


class _Type:
    """Any of Motia's types: subscripted, called as a type, never used."""

    def __class_getitem__(cls, item):
        return cls


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (_Type,), {})
