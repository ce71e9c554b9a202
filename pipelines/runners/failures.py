"""Our own exceptions, found in what a runner reports of a worker's."""

import re
import traceback

from forebay.transforms import errors

# What Beam adds to the words of what a step raises.
_STEP = r" \[while running '[^']*'\]"
_RAISED = re.compile(rf"transforms\.errors\.(\w+): (.*?)(?:{_STEP})?$", re.M | re.S)


def raised_in(text: str) -> errors.ForebayError | None:
    """Returns the last of our exceptions whose traceback a text holds; None: it holds none."""
    found = _RAISED.findall(text)
    if not found:
        return None
    name, message = found[-1]
    kind = getattr(errors, name, errors.RunFailed)
    return kind(message.strip())


def without_step(text: str) -> str:
    """Returns a message without the name of Beam's step, which is added at its end."""
    return re.sub(f"{_STEP}$", "", text)


def text_of(error: Exception) -> str:
    """Returns what is said of a failure: with the traceback, as a worker sends that of a step."""
    said = str(error)
    has_traceback = "Traceback (most recent call last)" in said
    is_of_runner = type(error) is RuntimeError and without_step(said) == said
    if has_traceback or is_of_runner:
        return said
    return "".join(traceback.format_exception(error))
