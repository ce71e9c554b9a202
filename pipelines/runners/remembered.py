"""What Beam works out again and again while it builds and runs a pipeline, remembered.

Of a run of 10,000 rows these were a quarter: see docs/decisions/pipeline.md.
"""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms import userstate

from forebay.console.shared import shared

# The versions whose `get_dofn_specs` was read: it depends on nothing but the DoFn's methods.
_READ_VERSIONS = "2.77."


class RememberedOptions(PipelineOptions):
    """Beam's options, of which each view is made once.

    Beam asks for one with every step of a pipeline, and each parses all arguments anew. All views
    share their values in any case.
    """

    def view_as(self, cls: Any) -> Any:
        """Returns the options of a kind."""
        views = self.__dict__.setdefault("_views", {})
        if cls not in views:
            views[cls] = super().view_as(cls)
        return views[cls]

    def __getstate__(self) -> dict[str, Any]:
        """Returns what a copy is made of: it has views of its own, which share its own values."""
        return {name: value for name, value in super().__getstate__().items() if name != "_views"}


@shared
@contextmanager
def state_specs_remembered() -> Iterator[None]:
    """Lets Beam look once through a step's methods for the state and timers that it uses.

    It looks eight times, by `inspect`, and there is no public way around.
    """
    if not beam.__version__.startswith(_READ_VERSIONS):
        yield
        return
    kept = userstate.get_dofn_specs
    found: dict[int, tuple[weakref.ref[Any], Any]] = {}

    def remembered(dofn: beam.DoFn) -> Any:
        known = found.get(id(dofn))
        if known is None or known[0]() is not dofn:
            known = found[id(dofn)] = (weakref.ref(dofn), kept(dofn))
        return known[1]

    userstate.get_dofn_specs = remembered
    try:
        yield
    finally:
        userstate.get_dofn_specs = kept
