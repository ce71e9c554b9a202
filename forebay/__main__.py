"""``python -m forebay``, and the ``forebay`` command."""

import sys

from forebay.console.first_moment import end_when_interrupted


def main() -> int:
    """Runs the command that the process's arguments name; returns its exit status."""
    end_when_interrupted()
    from forebay.console.process import in_own_process  # heavier than what Ctrl-C needs

    return in_own_process(_run)


def _run() -> int:
    from forebay.cli import main

    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
