"""TensorFlow without its greetings, whoever imports it: they are about its build, not the work."""

import gc
import importlib.util
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

from forebay.console.shared import shared
from forebay.console.terminal import is_verbose, saying


def start_tensorflow(*, has_runs: bool = True) -> None:
    """Imports TensorFlow, which takes seconds, and says so.

    Args:
        has_runs: whether runs are read: tf.Transform is imported, too; a model needs none.
    """
    with saying("loading TensorFlow"):
        import_module("tensorflow_transform" if has_runs else "tensorflow")


def start_tensorflow_quietly() -> None:
    """Imports TensorFlow for functions: from then on it logs errors only.

    In notebooks its logger sets itself to tell everything when it is first used.
    """
    if "tensorflow_transform" not in sys.modules:
        with quiet_tensorflow():
            start_tensorflow()
    if not is_verbose():
        import tensorflow as tf

        tf.get_logger().setLevel(logging.ERROR)


@contextmanager
def kept_for_good() -> Iterator[None]:
    """Lets the garbage collector never look at what is made inside: imports take a third less."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Lets TensorFlow log errors only, from its first import inside.

    A level that the user set stays, and with ``--verbose`` it logs as it does by itself.
    """
    # The Keras that TensorFlow brings. tf.Transform sets it in any case, but after TensorFlow has
    # imported Keras 3, and with it scikit-learn and pyplot: a second, and nothing reads rows by it.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    if is_verbose():
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("absl", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    finder = _QuietImport()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _QuietImport:
    """Finds TensorFlow as others do, and lets it write nothing past Python while it is imported.

    It greets every import with lines that heed none of its log levels.
    """

    _is_asking = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Finds TensorFlow, and nothing else."""
        if name != "tensorflow" or self._is_asking:
            return None
        self._is_asking = True
        try:
            found = importlib.util.find_spec(name)
        finally:
            self._is_asking = False
        if found is None or found.loader is None:
            return None
        run = found.loader.exec_module

        def run_quietly(module: ModuleType) -> None:
            with native_logs_hidden():
                run(module)

        found.loader.exec_module = run_quietly  # type: ignore[method-assign]
        return found


@shared
@contextmanager
def native_logs_hidden() -> Iterator[None]:
    """Hides what libraries write to file descriptor 2 past Python; not with ``--verbose``."""
    if is_verbose():
        yield
        return
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
