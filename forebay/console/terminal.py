"""What commands print: lines, JSON and tables that do nothing to a terminal but stand there.

Cells, file names and errors hold whatever somebody wrote into them. Whatever is printed comes
through here, where control characters become signs and passwords in URLs become stars.
"""

import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from forebay.transforms.json_text import json_text

if TYPE_CHECKING:
    from rich.console import Console

# Unicode has a sign for each control character of ASCII; those of C1 and halves of letters
# have none. Bytes of a file name that are no UTF-8 are told as in a shell.
_SIGNS: dict[int, int | str] = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"},
    0x7F: "␡",
    **dict.fromkeys((*range(0x80, 0xA0), *range(0xD800, 0xE000)), "\N{REPLACEMENT CHARACTER}"),
    **{0xDC00 + byte: f"\\x{byte:02x}" for byte in range(0x80, 0x100)},
}
_LINE_END = {ord("\n"): "␊"}
_HIDDEN = r"\1:***@"
_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):[^/\s\"]*@")


def plain(text: str) -> str:
    """Returns a text as it may be printed, over several lines if it has them."""
    return _PASSWORD.sub(_HIDDEN, text).translate(_SIGNS)


def plain_line(text: str) -> str:
    """Returns a text as it may be printed in one line."""
    return plain(text).translate(_LINE_END)


def say(text: str) -> None:
    """Prints the result of a command, or a part of it, to standard output."""
    print(plain(text))


def say_json(value: Any, *, indent: int | None = None) -> None:
    """Prints a result to standard output as JSON."""
    print(_PASSWORD.sub(_HIDDEN, json_text(value, indent=indent)))


def tell(text: str) -> None:
    """Prints what people may want to know of the work, to standard error."""
    print(plain(text), file=sys.stderr, flush=True)


def screen(*, stderr: bool = False, width: int | None = None) -> "Console":
    """Returns Rich's console for standard output or standard error; text on it is plain."""
    from rich.console import Console, ConsoleOptions, RenderableType, RenderHook
    from rich.segment import Segment

    class Plain:
        """Something to show, its text made plain when it is laid out."""

        def __init__(self, inner: RenderableType) -> None:
            self._inner = inner

        def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[Segment]:
            for segment in console.render(self._inner, options):
                is_control = segment.control is not None
                yield segment if is_control else Segment(plain(segment.text), segment.style)

    class AllPlain(RenderHook):
        """Makes everything that a console shows plain."""

        def process_renderables(self, renderables: list[Any]) -> list[Any]:
            return [Plain(renderable) for renderable in renderables]

    made = Console(stderr=stderr, width=width, highlight=False)
    made.push_render_hook(AllPlain())
    return made
