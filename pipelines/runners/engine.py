"""What an engine is: where pipelines run, and how they get there. Free of heavy imports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from forebay.storage.run.layout import TEMPORARY

if TYPE_CHECKING:
    from forebay.transforms.definition.dataset import Dataset
    from forebay.transforms.errors import ForebayError


@dataclass(frozen=True)
class Work:
    """What an engine needs to know of a command that runs pipelines.

    Attributes:
        definition: the definition as it was given: its file, and what lies beside it, have to
            reach the workers.
        dataset: the definition, loaded.
        folder: the staged run, where workers leave files and find those of others.
        temporary: the name below it of the folder for what only the command's own steps read.
        paths: what else workers read, such as the files of the tables.
        beam: Beam's own options, as a user gives them; they go before the engine's.
        text_bytes: about how long the rows of all tables are as text.
    """

    definition: str | Dataset
    dataset: Dataset
    folder: str
    temporary: str = field(default=TEMPORARY, kw_only=True)
    paths: Sequence[str] = ()
    beam: Sequence[str] = ()
    text_bytes: int = 0


@dataclass(frozen=True)
class Engine:
    """Where pipelines run: a dataclass of options, each with its flag.

    An engine of its own gives Beam's options in `open`, and may refuse before that in `check`.

    Attributes:
        name: what ``--on`` calls it.
        is_here: whether its workers share this process's modules, files and working folder.
    """

    name: ClassVar[str]
    is_here: ClassVar[bool] = False

    def check_account(self) -> None:
        """Checks options, and whose rights it is used with, before any file is looked for.

        Raises:
            InputError: an option is missing or wrong, or nobody is known there.
        """

    def check(self, work: Work) -> None:
        """Checks, before anything is read or written, that pipelines can run there.

        Raises:
            InputError: an option is missing or wrong, or nothing answers where it points to.
        """

    @contextmanager
    def open(self, work: Work) -> Iterator[Sequence[str]]:
        """Makes ready for pipelines, and ends what it started afterwards.

        Gives Beam's own options, as on a command line, without those that a user gives.

        Raises:
            UserError: something that is needed is not there.
            RunFailed: something did not start.
        """
        raise NotImplementedError
        yield ()

    def prepare(self, pipeline: Any) -> None:
        """Adds steps of the engine's own to a pipeline, before any other."""

    @contextmanager
    def watched(self, result: Any) -> Iterator[None]:
        """Stands by while a pipeline that was started is waited for.

        Args:
            result: Beam's `PipelineResult`.
        """
        yield

    def explain(self, failure: str) -> ForebayError | None:
        """Says in one line what a failure of a pipeline means, where this engine's own ways tell.

        Args:
            failure: the text that the runner reports, tracebacks included.

        Returns:
            What to raise; None: it is nothing that this engine knows of.
        """
        return None


def option(flag: str, metavar: str, default: Any = None, read: Any = str) -> Any:
    """Returns a field of an engine that the command line gives as a flag.

    Args:
        flag: such as ``--flink-master``.
        metavar: what stands for its value in the help.
        default: its value where it is not given.
        read: makes the value of a text, as ``type`` of argparse.
    """
    return field(default=default, metadata={"flag": flag, "metavar": metavar, "read": read})
