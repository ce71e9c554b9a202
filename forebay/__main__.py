"""``python -m forebay``, and the ``forebay`` command."""

import sys

from forebay.console.process import in_own_process


def main() -> int:
    """Runs the command that the process's arguments name; returns its exit status."""
    return in_own_process(_run)


def _run() -> int:
    from forebay.cli import main  # heavier than what Ctrl-C needs

    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
