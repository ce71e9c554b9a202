"""Our own exceptions, found in what a runner reports of a worker's."""

import re

from forebay.transforms import errors

_RAISED = re.compile(
    r"transforms\.errors\.(\w+): (.*?)(?: \[while running '[^']*'\])?$", re.M | re.S
)


def raised_in(text: str) -> errors.ForebayError | None:
    """Returns the last of our exceptions whose traceback a text holds; None: it holds none."""
    found = _RAISED.findall(text)
    if not found:
        return None
    name, message = found[-1]
    kind = getattr(errors, name, errors.RunFailed)
    return kind(message.strip())
