"""What a runner reports of a failure: our own exceptions in it, and the line that says most."""

import re
import traceback

from forebay.transforms import errors

# With this begins what Python tells of an exception.
TRACEBACK = "Traceback (most recent call last):"
# What Beam adds to the words of what a step raises.
_STEP = r" \[while running '[^']*'\]"
_RAISED = re.compile(rf"transforms\.errors\.(\w+): (.*?)(?:{_STEP})?$", re.M | re.S)
# The exception at the end of a traceback of Python's: the first line that is not indented.
_PYTHON = re.compile(rf"{re.escape(TRACEBACK)}\n(?:[ \t].*\n|\n)*(\S.*)")
# The frames of Java's, in their two forms, and what is said of those that are left out.
_FRAME = re.compile(r"\s*(?:at )?[\w.$/]+\(.*\)|\s*\.\.\. \d+ (?:more|common frames omitted)")


def raised_in(text: str) -> errors.ForebayError | None:
    """Returns the last of our exceptions whose traceback a text holds; None: it holds none."""
    found = _RAISED.findall(text)
    if not found:
        return None
    name, message = found[-1]
    kind = getattr(errors, name, errors.RunFailed)
    return kind(message.strip())


def telling_line(text: str) -> str:
    """Returns the line of a failure's text that says what failed.

    That is what Python raised, where the text has a traceback of it; else the cause at the root of
    what Java raised; else the last line.
    """
    raised = _PYTHON.findall(text)
    if raised:
        return str(raised[-1]).strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if not _FRAME.fullmatch(line)]
    if len(said) == len(lines):
        return said[-1] if said else "no message"
    causes = [line for line in said if line.startswith("Caused by: ")]
    return (causes or said or ["no message"])[-1 if causes else 0].removeprefix("Caused by: ")


def without_step(text: str) -> str:
    """Returns a message without the name of Beam's step, which is added at its end."""
    return re.sub(f"{_STEP}$", "", text)


def text_of(error: Exception) -> str:
    """Returns what is said of a failure: with the traceback, as a worker sends that of a step."""
    said = str(error)
    has_traceback = TRACEBACK in said
    is_of_runner = type(error) is RuntimeError and without_step(said) == said
    if has_traceback or is_of_runner:
        return said
    return "".join(traceback.format_exception(error))
