"""Names of generated types: from what people wrote, valid in every language of ours, each once."""

from __future__ import annotations

import keyword
import re
import unicodedata

_WORD = re.compile(r"[^\W_]+")


class Names:
    """Hands out each name once; a second of the same gets a number."""

    def __init__(self, reserved: set[str]) -> None:
        self._taken = set(reserved)

    def take(self, wanted: str) -> str:
        name, number = wanted, 2
        while name in self._taken:
            name, number = f"{wanted}{number}", number + 1
        self._taken.add(name)
        return name


def words_of(text: str) -> str:
    """`order.created` and `order-created` -> OrderCreated; "" when no letter or digit is in it.

    NFKC, since Python reads identifiers so.
    """
    words = _WORD.findall(unicodedata.normalize("NFKC", text))
    joined = "".join(word[0].upper() + word[1:] for word in words)
    return "".join(one for one in joined if f"a{one}".isidentifier())


def type_name(text: str, *, otherwise: str) -> str:
    """A class's name for a step or topic: `Charge card` -> ChargeCard, `2fa` -> Step2fa."""
    name = words_of(text)
    if not name or not name.isidentifier() or keyword.iskeyword(name):
        name = otherwise + name
    return name


def singular(name: str) -> str:
    """A list's items are named after the list: OrderItems -> OrderItem."""
    if name.endswith("ies") and len(name) > 4:
        return name[:-3] + "y"
    if name.endswith("s") and not name.endswith("ss") and len(name) > 2:
        return name[:-1]
    return name + "Item"
