"""Regular expressions for values that a backup holds: matched in a time that grows with the value's length alone.

Python's own would let a hostile value run for years through an innocent pattern; RE2 (https://github.com/google/re2)
has no such pattern.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

from drp.domain.phrase import say


@lru_cache(maxsize=256)
def compiled(pattern: str, by: str) -> Callable[[str], str]:
    """Return the function that replaces every match; what is no text of Unicode fits none, and stays as it is.

    Raises ValueError where it is no expression, or no replacement.
    """
    import re2  # noqa: PLC0415 - loaded late: most plans have no expression

    options = re2.Options()
    options.log_errors = False
    try:
        expression = re2.compile(pattern, options)
        expression.sub(by, "")
        _groups_exist(expression.groups, by)
    except re2.error as error:
        said = error.args[0] if error.args else error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise ValueError(say("is no regular expression of RE2: {text}", text=text)) from None

    def replace(value: str) -> str:
        try:
            after: str = expression.sub(by, value)
        except UnicodeEncodeError:
            return value
        return after

    return replace


def _groups_exist(groups: int, by: str) -> None:
    """Refuse a replacement that names a group which the expression does not have."""
    parts = iter(pairwise(by))
    for sign, following in parts:
        if sign == "\\":
            next(parts, None)
            if following.isdigit() and int(following) > groups:
                raise ValueError(say("\\{following} is no group of the expression", following=following))
