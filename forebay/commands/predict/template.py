"""``forebay predict`` as a Flex Template of Dataflow: the program that its launcher runs.

It is given the template's parameters and Beam's own options, each as ``--NAME=VALUE``, and leaves
the job in the file that Beam's ``--template_location`` names; Dataflow sends it from there.
"""

import sys
from collections.abc import Iterator, Sequence

from forebay.commands.predict.options import COMMANDS
from forebay.console.arguments import Parser
from forebay.console.commands import run_parsed
from forebay.console.process import in_own_process

# The template's parameters, and whether they hold several values, by commas.
PARAMETERS = {
    "model": False, "input": True, "history": True, "source": True, "output": False,
    "definition": False, "batch_size": False, "max_reject_fraction": False,
    "window_memory_mb": False,
}  # fmt: skip


def main(flags: Sequence[str] | None = None) -> int:
    """Makes the job; returns the exit status."""
    if flags is None:
        return in_own_process(lambda: main(sys.argv[1:]))
    command = COMMANDS["predict"]
    parser = Parser(prog="launch.py", description=command.help)
    command.add_arguments(parser)
    args = parser.parse_args([*_options(flags)])
    args.beam = [flag for flag in flags if _name(flag) not in PARAMETERS]
    return run_parsed("predict", command, args)


def _options(flags: Sequence[str]) -> Iterator[str]:
    for flag in flags:
        name, value = _name(flag), flag.partition("=")[2]
        if name in PARAMETERS and value:  # a parameter that is left out may come as an empty one
            values = value.split(",") if PARAMETERS[name] else [value]
            yield from (f"--{name.replace('_', '-')}={one}" for one in values)


def _name(flag: str) -> str:
    return flag.removeprefix("--").partition("=")[0]
