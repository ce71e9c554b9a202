"""Prism, Beam's own runner for one machine: a program beside this process, which does the work."""

import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from forebay.pipelines.runners.engine import Engine, Work, option
from forebay.transforms.errors import ForebayError, InputError


@dataclass(frozen=True)
class Prism(Engine):
    """Beam's runner Prism, on this machine.

    Attributes:
        binary: the program ``prism`` of Beam's version; None: Beam downloads it, once.
    """

    name: ClassVar[str] = "prism"
    is_here: ClassVar[bool] = True

    binary: str | None = option("--prism-binary", "FILE")

    def check(self, work: Work) -> None:
        """Checks that the program is one.

        Raises:
            InputError: it is not there, or cannot be run.
        """
        if self.binary is not None and shutil.which(os.path.abspath(self.binary)) is None:
            lacks = "is not a program" if os.path.exists(self.binary) else "is not there"
            raise InputError(
                f"--prism-binary {self.binary} {lacks}; name the program prism, or leave the "
                "option out where Beam can download it"
            )

    @contextmanager
    def open(self, work: Work) -> Iterator[Sequence[str]]:
        """Gives the options of Beam's Prism runner, which starts the program."""
        # It tells of the program it starts, and ends when this process does.
        logging.getLogger("apache_beam.utils.subprocess_server").setLevel(logging.ERROR)
        place = () if self.binary is None else (f"--prism_location={os.path.abspath(self.binary)}",)
        yield (
            "--runner=PrismRunner",
            "--environment_type=LOOPBACK",
            "--prism_log_level=warn",
            *place,
        )

    def explain(self, failure: str) -> ForebayError | None:
        """Says what helps where Beam cannot download the program."""
        if "Unable to fetch remote prism binary" not in failure:
            return None
        return InputError(
            "--on prism: Beam could not download its program prism "
            f"({failure.strip().splitlines()[-1].rpartition(': ')[2]}); name one by --prism-binary"
        )
