"""Patience with a Canvas server: what is asked again, what must not be, and what is said in the end."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

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

from assignment.canvas.archive import RefusedError
from assignment.errors import AssignmentError

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Patience:
    """How long to wait for what, in seconds."""

    attempts: int = 8  # of a request that is throttled or meets a passing fault
    wait: float = 1.0  # before the second attempt; doubled each time
    longest: float = 60.0  # between two attempts
    timeout: float = 60.0  # for an answer to begin
    poll: float = 2.0  # between two looks at a job
    job: float = 1800.0  # for a job of Canvas's to end
    settle: float = (
        180.0  # for the effect of a request whose answer was lost to show, its job's time in the queue included
    )


class InDoubtError(Exception):
    """A request that changes things got no answer: it may have been carried out, may yet be, or never will."""


class MissingError(AssignmentError):
    """Canvas does not know what was asked for."""


class ShortError(RefusedError):
    """A download that is not as long as Canvas says."""


def patiently(
    request: Callable[[], Answer],
    patience: Patience,
    again: Callable[[BaseException], bool],
    attempts: int | None = None,
) -> Answer:
    """Make a request, and make it again with growing pauses as long as `again` says so of its error.

    AssignmentError if it fails for good; InDoubtError if it may have been carried out all the same.
    """
    retrying = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(attempts or patience.attempts),
        wait=tenacity.wait_exponential(multiplier=patience.wait, max=patience.longest),
        retry=tenacity.retry_if_exception(again),
        reraise=True,
    )
    try:
        answer: Answer = retrying(request)
    except (CanvasException, requests.RequestException, ValueError) as error:
        if passing(error) and not again(error):
            raise InDoubtError(f"Canvas: {words(error)}") from None
        kind = MissingError if isinstance(error, ResourceDoesNotExist) else AssignmentError
        raise kind(f"Canvas: {words(error)}") from None  # without the error: its text may hold signed addresses
    return answer


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
        json.JSONDecodeError,  # an answer cut short, or a page of the proxy's before it
        ShortError,
    )
    return throttled(error) or isinstance(error, network) or bool(_server_error(error))


def _server_error(error: BaseException) -> str:
    """Return the status (500 and up) that canvasapi hides in its message, "" if it is another error."""
    found = re.search(r"status code (5[0-9]{2})", str(error)) if type(error) is CanvasException else None
    return found[1] if found else ""


def words(error: BaseException) -> str:
    """Return what a person should know and do; no address, for addresses of files are signed."""
    if throttled(error):
        return "asks to slow down, and went on asking; try again later"
    if isinstance(error, InvalidAccessToken | Unauthorized):
        return "does not accept the token; make a new one (Account > Settings > New Access Token), set CANVAS_TOKEN"
    if isinstance(error, ResourceDoesNotExist):
        return "knows no such thing, or shows it to others only; check the ids in CANVAS_URL"
    if isinstance(error, Forbidden):
        return "forbids that to this token; it must be a teacher's or a TA's of the course"
    if _server_error(error):
        return f"has trouble of its own (status {_server_error(error)}); try again later"
    if isinstance(error, CanvasException):
        return f"refused the request ({type(error).__name__}: {str(error)[:200]})"
    return f"cannot be reached or gives no sense ({type(error).__name__}); check CANVAS_URL and the network, try again"
