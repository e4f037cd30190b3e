"""The one exception that is meant for people."""


class AssignmentError(Exception):
    """Something a person has to put right: "FILE: what is wrong; what to do", and perhaps a diff as details."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details
