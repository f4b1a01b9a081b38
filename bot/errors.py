"""What may go wrong, by who must know."""

from __future__ import annotations

from bot.model.say import Say, say


class Refused(Exception):
    """Tell the person who asked what did not happen, what exactly lacks, and the line to copy.

    `field` names the command's parameter that it is about; None = no single one.
    """

    def __init__(self, reason: Say, field: str | None = None) -> None:
        super().__init__(reason.key)
        self.reason = reason
        self.field = field

    def about(self, field: str) -> Refused:
        """Give the same refusal, known to be about a parameter."""
        return Refused(self.reason, self.field or field)


def refuse(key: str, *, field: str | None = None, **params: object) -> Refused:
    """Build a refusal from a text key and its facts; `field` is the parameter that it is about."""
    return Refused(say(key, **params), field)


class NotStored(Exception):
    """Say that nothing was written and nothing may be acknowledged."""


class Malformed(Exception):
    """Name what in a stranger's request could not be read; `where` is the field's path."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}")
        self.where = where
        self.why = why


class Unauthentic(Exception):
    """Refuse a request whose sender could not be proven."""


class ConfigError(Exception):
    """List everything wrong with the configuration, one (path, message) each, without values."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{path}: {message}" for path, message in problems))
        self.problems = problems
