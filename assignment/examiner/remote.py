"""What a call into the sandbox may end in, other than a value."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from functools import cache
from typing import Any

WITHHELD = "（内容不显示）"  # it may carry what students are not to see
BUILTIN = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, BaseExceptionGroup)
}


class RemoteError(Exception):
    """An exception that student code raised: the name of its class, its text, its traceback."""

    def __init__(self, name: str, text: str = "", traceback: str = "") -> None:
        Exception.__init__(self, text)
        self.name = name
        self.text = text
        self.traceback = traceback
        self.function = ""  # whose call raised it

    def __str__(self) -> str:
        return self.text

    def withheld(self) -> RemoteError:
        """The same error without a word that student code chose."""
        error = type(self)("Exception", WITHHELD)
        error.function = self.function
        return error


class Refused(RemoteError):
    """The wire refused a value: the text says what it was and why it cannot be sent."""

    def __init__(self, text: str) -> None:
        super().__init__("Refused", text)

    def withheld(self) -> Refused:
        """The same without what was returned."""
        error = Refused(WITHHELD)
        error.function = self.function
        return error


class Ended(BaseException):
    """The sandbox is dead. `how`: timeout, memory or crashed; `reason`: in words for a TA.

    Not an Exception: it must pass through whatever a check does with the errors of a function.
    """

    def __init__(self, how: str, reason: str) -> None:
        super().__init__(how, reason)
        self.how = how
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.how}: {self.reason}"


def remote_error(kinds: Sequence[str], text: str, traceback: str) -> RemoteError:
    """The error to raise for one inside: also an instance of the first of its classes that is built in."""
    name = kinds[0] if kinds[0].isidentifier() else "Exception"
    return _kind(next((kind for kind in kinds if kind in BUILTIN), ""))(name, text, traceback)


@cache
def _kind(name: str) -> type[RemoteError]:
    if name in ("", "Exception"):
        return RemoteError
    members: dict[str, Any] = {"__init__": RemoteError.__init__, "__str__": RemoteError.__str__}
    return type(name, (RemoteError, BUILTIN[name]), members)
