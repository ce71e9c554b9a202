"""``python -m forebay.pipelines.runners.workers``: the pool, until it is ended."""

import argparse
import logging
import sys

from forebay.console.arguments import Parser


def main() -> int:
    """Runs the pool; returns its exit status."""
    parser = Parser(
        prog="python -m forebay.pipelines.runners.workers",
        description="Start Python workers for the task managers of a Flink cluster.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=50000, help="where it listens")
    parser.add_argument("--host", default="localhost", help="the address that it listens on")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    from forebay.pipelines.runners.workers.pool import serve

    try:
        serve(args.port, args.host)
    except OSError as error:
        parser.exit(1, f"error: {error}; stop what listens there, or choose another --port\n")
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
