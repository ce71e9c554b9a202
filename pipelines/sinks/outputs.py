"""Where a table goes, whatever its kind: the one interface of every sink.

A sink is asked before the work whether it can take rows of a schema, and made ready for them. Then
it is given the rows, as Arrow record batches of that schema, and shows them all or none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import pyarrow as pa


class TableOutput(ABC):
    """A file that a table is written to, or something like one."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What people call it."""

    @abstractmethod
    def check(self, schema: pa.Schema) -> None:
        """Checks that rows of a schema can be written; changes nothing.

        Raises:
            InputError: they cannot.
        """

    def make_ready(self, schema: pa.Schema) -> None:  # noqa: B027 - most have nothing to make
        """Makes what rows of a schema need that is not there yet, once they are known to fit.

        Raises:
            ForebayError: it cannot be made.
        """

    @abstractmethod
    def write(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        """Writes rows, all of them or, where that fails, none.

        Raises:
            ForebayError: they cannot be written.
        """


class PartsOutput(TableOutput):
    """A sink that workers write parts to, each by itself; the parts are shown together."""

    @abstractmethod
    def write_part(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> str:
        """Writes rows that nobody sees yet, and returns what the part is called.

        A part that is never committed is never seen, so that a worker may begin anew.
        """

    @abstractmethod
    def commit(self, parts: Sequence[str]) -> None:
        """Shows the rows of some parts, all at once."""

    def write(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:  # noqa: D102
        self.commit([self.write_part(schema, batches)])
