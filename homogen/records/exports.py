"""What a room's ``__init__`` hands on: all that it imports, said once."""

from collections.abc import Mapping
from types import ModuleType


def public(names: Mapping[str, object]) -> list[str]:
    """The public names among a module's own, sorted; its parts are none.

    Examples
    --------
    >>> public({"auroc": len, "_helper": len, "ranking": ModuleType("ranking")})
    ['auroc']
    """
    return sorted(name for name, thing in names.items() if name[0] != "_" and not isinstance(thing, ModuleType))
