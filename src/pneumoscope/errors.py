"""The errors that reach a user: each is one sentence that says what, which file, and what to do."""

from __future__ import annotations


class PneumoscopeError(Exception):
    """Input, run folder or bundle that cannot be used; ``str(error)`` is written for the user."""

    exit_code = 3


class UsageError(PneumoscopeError):
    """The command was asked for something that does not exist or does not fit together."""

    exit_code = 2


class Diverged(PneumoscopeError):
    """A training whose loss is no longer a number."""


class UnreadableFilm(PneumoscopeError):
    """One film cannot be read; the text is the bare reason, without path or identifier."""


class MissingExtra(PneumoscopeError):
    """An optional part of the installation is needed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"This needs {package}, which is not installed: pip install 'pneumoscope[{extra}]'."
        )
