"""Label matchers written as Prometheus writes them: `severity="critical"`, `service=~pay.*`."""

from __future__ import annotations

import re

_MATCHER = re.compile(r"\s*(?P<label>[A-Za-z_][A-Za-z0-9_.:/-]*)\s*(?P<op>=~|!~|!=|=)\s*(?P<value>.*?)\s*", re.DOTALL)
_ESCAPE = re.compile(r'\\([\\"n])')


def matcher(written: str) -> tuple[str, str, str]:
    """Read one matcher as (label, operator, value); quotes around the value are optional. Raises ValueError saying why."""
    found = _MATCHER.fullmatch(written)
    if found is None:
        raise ValueError('must be label, operator (= != =~ !~) and value, as severity="critical"')
    label, op, value = found["label"], found["op"], found["value"]
    if value.startswith('"') or (value.endswith('"') and not value.endswith('\\"')):
        if len(value) < 2 or not value.startswith('"') or not value.endswith('"'):
            raise ValueError("has a quote that is not closed")
        value = value[1:-1]
        if re.search(r'(?<!\\)(?:\\\\)*"', value):
            raise ValueError('has a quote inside its quotes; write \\"')
        value = _ESCAPE.sub(lambda m: "\n" if m[1] == "n" else m[1], value)
    if "~" in op:
        try:
            re.compile(value)
        except (re.error, OverflowError) as error:
            raise ValueError(f"is not a regular expression: {error}") from None
    return label, op, value
