"""Requests to a server that is not trusted: bounded in time and size, made again where that helps, explained."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import tenacity
from canvasapi.exceptions import (
    CanvasException,
    Forbidden,
    InvalidAccessToken,
    RateLimitExceeded,
    ResourceDoesNotExist,
    Unauthorized,
)
from canvasapi.requester import Requester
from requests.adapters import HTTPAdapter

from assignment.canvas import InDoubtError
from assignment.canvas.files import RefusedError
from assignment.errors import AssignmentError

# What canvasapi raises when a reply is JSON, but not what it expects.
MALFORMED = (ValueError, TypeError, KeyError, AttributeError, RecursionError)

Reply = TypeVar("Reply")


@dataclass(frozen=True)
class ServerLimits:
    """How long to wait for what (seconds), how often to ask, how much to take."""

    attempts: int = 8  # of a request that is throttled or meets a passing fault
    wait: float = 1.0  # before the second attempt; doubled each time
    longest: float = 60.0  # between two attempts
    silence: float = 60.0  # until the server sends anything
    request: float = 900.0  # for one request, from its first byte to its last
    listing: float = 1_800.0  # for all pages of a list
    settle: float = 20.0  # for an update whose reply was lost to show
    size: int = 64 << 20  # bytes of a reply, unpacked; notebooks with pictures have a few megabytes
    pages: int = 2_000  # of a list; Canvas sends 100 rows a page


class ShortError(RefusedError):
    """A download that is not as long as Canvas says."""


class TooSlowError(requests.RequestException):
    """A request that was still going on at the end of its time."""


class TooLargeError(requests.RequestException):
    """A reply that is larger than is allowed."""


class ElsewhereError(requests.RequestException):
    """A link of the server's leads to another host, which must not get the token."""


class _BoundedAdapter(HTTPAdapter):
    """Sets the deadline and the size of every reply: canvasapi sets neither."""

    def __init__(self, limits: ServerLimits) -> None:
        super().__init__()
        self.limits = limits

    def send(self, request: Any, *args: Any, **how: Any) -> requests.Response:
        """Send a request; beyond so many bytes, unpacked, the body ends with an error, whatever was announced."""
        response = super().send(request, *args, **{**how, "timeout": self.limits.silence})
        body, whole, most = response.raw, response.raw.stream, self.limits.size

        def stream(*args: Any, **how: Any) -> Iterator[bytes]:
            size = 0
            for block in whole(*args, **how):
                size += len(block)
                if size > most:
                    body.close()
                    raise TooLargeError(f"{most} bytes")
                yield block

        body.stream = stream
        return response


class BoundedRequester(Requester):  # type: ignore[misc]
    """canvasapi's own requester, with a deadline for each request and no token for other hosts."""

    def __init__(self, server: str, token: str, limits: ServerLimits) -> None:
        super().__init__(server, token)
        self.server, self.limits = server, limits
        self.session: requests.Session = self._session
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, _BoundedAdapter(limits))

    def request(self, *args: Any, **how: Any) -> requests.Response:
        """Make a request as canvasapi does; ElsewhereError, TooSlowError and TooLargeError come on top of its own."""
        if how.get("_url") and how.get("use_auth", True) and not self.serves(how["_url"]):
            raise ElsewhereError
        call = partial(super().request, *args, **how)
        response: requests.Response = within(self.limits.request, call)
        return response

    def serves(self, url: str) -> bool:
        """Whether an address belongs to the server itself."""
        return urlsplit(url)[:2] == urlsplit(self.server)[:2]


def within(seconds: float, call: Callable[[], Reply]) -> Reply:
    """Return what the call returns; TooSlowError if that takes longer. The thread that still waits ends by itself.

    A server that sends a byte a second, head or body, is never silent: no timeout of a socket ends that.
    """
    outcome: list[Reply] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(call())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failure:
        raise failure[0]
    if not outcome:
        raise TooSlowError(f"{seconds:g} s")
    return outcome[0]


def insist(
    request: Callable[[], Reply],
    limits: ServerLimits,
    again: Callable[[BaseException], bool],
    attempts: int | None = None,
) -> Reply:
    """Make a request, and make it again with growing pauses as long as `again` approves of its error.

    AssignmentError (caused by it) if it fails for good; InDoubtError if it may have been carried out all the same.
    """
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(attempts or limits.attempts),
        wait=tenacity.wait_exponential(multiplier=limits.wait, max=limits.longest),
        retry=tenacity.retry_if_exception(again),
        reraise=True,
    )
    try:
        reply: Reply = retrying(request)
    except (CanvasException, requests.RequestException, *MALFORMED) as error:
        in_doubt = passing(error) or isinstance(error, (TooSlowError, *MALFORMED))
        if in_doubt and again is throttled and not throttled(error):
            raise InDoubtError(f"Canvas: {explained(error)}") from None
        cause = error if isinstance(error, CanvasException) else None  # others' texts may hold signed addresses
        raise AssignmentError(f"Canvas: {explained(error)}") from cause
    return reply


def throttled(error: BaseException) -> bool:
    """Whether Canvas refused a request only for now, without carrying it out."""
    slow = isinstance(error, Forbidden) and "rate limit exceeded" in str(error).lower()  # older servers: 403
    return slow or isinstance(error, RateLimitExceeded)


def passing(error: BaseException) -> bool:
    """Whether a request that failed so may succeed when made again (and may have been carried out already)."""
    if isinstance(error, requests.exceptions.SSLError):
        return False
    network = (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.ContentDecodingError,
        json.JSONDecodeError,  # a reply cut short, or a page of the proxy's before it
        ShortError,
    )
    return throttled(error) or isinstance(error, network) or bool(_server_error(error))


def _server_error(error: BaseException) -> str:
    """Return the status (500 and up) that canvasapi hides in its message, "" if it is another error."""
    status = re.search(r"status code (5[0-9]{2})", str(error)) if type(error) is CanvasException else None
    return status[1] if status else ""


def explained(error: BaseException) -> str:
    """Return what a person should know and do; no address, for addresses of files are signed."""
    if throttled(error):
        return "asks to slow down, and went on asking; try again later"
    if isinstance(error, InvalidAccessToken | Unauthorized):
        return "does not accept the token; make a new one (Account > Settings > New Access Token), set CANVAS_TOKEN"
    if isinstance(error, ResourceDoesNotExist):
        return "does not know it, or shows it to others only; check the ids in CANVAS_URL"
    if isinstance(error, Forbidden):
        return "forbids that to this token; it must be a teacher's or a TA's of the course"
    if _server_error(error):
        return f"has trouble of its own (status {_server_error(error)}); try again later"
    if isinstance(error, CanvasException):
        return f"refused the request ({type(error).__name__}: {str(error)[:200]})"
    if isinstance(error, ElsewhereError):
        return "its list goes on at another host, which is not trusted with the token; check CANVAS_URL, tell its admin"
    if isinstance(error, TooSlowError):
        return f"did not end its reply within {error}; try again later"
    if isinstance(error, TooLargeError):
        return f"its reply has more than {error}; check CANVAS_URL"
    if not isinstance(error, requests.RequestException) or isinstance(error, ValueError):
        return "malformed reply; check CANVAS_URL, and whether the network wants a login; try again"
    return f"cannot be reached ({type(error).__name__}); check CANVAS_URL and the network, try again"
