"""One command, one fault of the machine, and what must hold of the files afterwards."""

from __future__ import annotations

import time
from pathlib import Path

from small_work import WRITERS, Places, protected
from verdicts import contents, wrong_with
from warm_commands import Warm

from forebay.storage.run.run_folder import open_run
from forebay.transforms.errors import ForebayError

# Their files are the same to the bit, whenever they are written.
NAMED = {"report", "explain", "predict", "init"}


class Trials:
    """Runs commands in places of their own, and tells what is wrong afterwards.

    Args:
        folder: where the places lie.
        warm: runs the commands.
    """

    def __init__(self, folder: Path, warm: Warm) -> None:
        self.warm, self.places = warm, Places(folder, warm)
        self._undisturbed: dict[str, tuple[float, dict[str, bytes | None]]] = {}

    def seconds(self, name: str) -> float:
        """How long a command takes when nothing fails."""
        return self._run_undisturbed(name)[0]

    def _run_undisturbed(self, name: str) -> tuple[float, dict[str, bytes | None]]:
        if name not in self._undisturbed:
            place = self.places.of(name)
            begun = time.monotonic()
            done = self.warm.run(WRITERS[name].arguments, cwd=place)
            assert done.status == 0, done
            seconds = time.monotonic() - begun
            written = {each: contents(place).get(each) for each in WRITERS[name].writes}
            self._undisturbed[name] = seconds, written
        return self._undisturbed[name]

    def wrong_files(
        self, name: str, place: Path, before: dict[str, bytes | None], *, is_done: bool
    ) -> str:
        """What is false or lost after a fault; nothing: all is as it must be.

        Args:
            name: of the command.
            place: where it ran.
            before: what it must not change.
            is_done: whether it has said that it is done.
        """
        items = protected(place, name).items() ^ before.items()
        changed = sorted({path for path, _ in items if ".forebay" not in path})
        if changed:
            return f"changed {changed}"
        if name in NAMED:
            for path, whole in self._run_undisturbed(name)[1].items():
                found = contents(place).get(path)
                if found != whole and (found is not None or is_done):
                    return f"{path} is not what it is without the fault"
        has_run = (place / "run").is_dir() and any((place / "run").rglob("*manifest.json"))
        if "preprocess" in WRITERS[name].before or is_done or has_run:
            try:
                return _wrong_run(place, is_wanted="run" in WRITERS[name].arguments or has_run)
            except ForebayError as error:
                return f"the run: {error}"
        return ""

    def wrong_again(self, name: str, place: Path) -> str:
        """What is wrong with the same command after the fault; nothing: it succeeds, and is tidy.

        Args:
            name: of the command.
            place: where it ran.
        """
        left = [path.name for path in place.rglob(".forebay-*.tmp")]
        is_there = (place / "run/manifest.json").exists()
        overwrite = ("--overwrite",) if name == "preprocess" and is_there else ()
        done = self.warm.run((*WRITERS[name].arguments, *overwrite), cwd=place)
        wrong = wrong_with(done.status, done.err)
        if wrong or done.status:
            return f"again: {done.status}, {wrong or done.err}"
        if left and "a killed process left" not in done.err and "was cut off" not in done.err:
            return f"says nothing of {left}: {done.err}"
        left = [path.name for path in place.rglob(".forebay*")]
        return f"again leaves {left}" if left else ""


def _wrong_run(place: Path, *, is_wanted: bool) -> str:
    if not (place / "run").exists():
        return "the run is gone" if is_wanted else ""
    run = open_run(str(place / "run"))
    run.verify(name for name in run.manifest.files if name.startswith("examples/"))
    return ""
