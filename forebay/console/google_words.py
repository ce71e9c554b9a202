"""What Google says and asks for, as it is told in a line: shared by all that speak to it."""

import re

_LONGEST = 200  # characters of Google's words that are shown
LOGIN = (
    "run `gcloud auth application-default login`, or let GOOGLE_APPLICATION_CREDENTIALS name a "
    "service account's key"
)


def shown(text: str) -> str:
    """Returns a line of Google's words, without addresses, which may hold tokens."""
    line = " ".join(re.sub(r"https?://\S+", "", text).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
