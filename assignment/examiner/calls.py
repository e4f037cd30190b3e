"""What the examiner remembers of a call it made: enough to make it again with another implementation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a student's function, as sent; arrays in it must not be changed afterwards.

    A method is called with the object's state first: Call('CaptioningRNN.loss', (state dict, features, captions)).
    An argument that the examiner itself holds only as a handle stands as a CacheOf.
    """

    function: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class CacheOf:
    """Where an opaque handle came from: the call that returned it and the path to it in what was returned."""

    call: Call
    path: tuple[int | str, ...] = (1,)


@dataclass(frozen=True, eq=False)
class Observation:
    """One row of a check: what the call returned at a path (an output's index, then a key) and what it should be.

    path () is the whole return value; (0,) the first of several outputs; (1, 'W_embed') a gradient in a dictionary.
    """

    call: Call
    path: tuple[int | str, ...]
    got: Any
    want: Any
    passed: bool = False


@dataclass(frozen=True)
class Raised:
    """What stands for a value when the call ended in an error: the error's type by name, and its text."""

    kind: str
    message: str
