"""The flags of engines: what they make, and what is refused before anything runs."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import pytest
from made_runs import make_dataset

from forebay.pipelines.options import COMMANDS, preprocess_options
from forebay.pipelines.runners.engine import Engine, Work
from forebay.pipelines.runners.engines import ENGINES, as_engine
from forebay.pipelines.runners.local import Local
from forebay.pipelines.runners.prism import Prism
from forebay.pipelines.runners.run import opened
from forebay.transforms.errors import InputError

WORK = Work("made.py", make_dataset("regression"), "/nowhere")


def chosen(*flags: str) -> Engine:
    parser = argparse.ArgumentParser()
    COMMANDS["preprocess"].add_arguments(parser)
    args = parser.parse_args(["d.py", "--input", "rows.csv", "--output", "run", *flags])
    args.beam = []
    return as_engine(preprocess_options(args).on)


def test_without_flags_the_run_is_local() -> None:
    assert chosen() == Local()


def test_flags_are_the_fields_of_the_engine_they_choose() -> None:
    assert chosen("--on", "prism", "--prism-binary", "bin/prism") == Prism("bin/prism")


def test_a_flag_of_another_engine_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"--prism-binary is an option of --on prism.*on local"):
        chosen("--prism-binary", "bin/prism")


def test_python_names_engines_too_and_is_told_what_was_meant() -> None:
    assert as_engine("prism") == Prism()
    with pytest.raises(InputError, match=r"on='prims' is no engine; did you mean prism\?"):
        as_engine("prims")


@pytest.mark.parametrize("name", list(ENGINES))
def test_every_engine_is_told_whether_beam_chooses_another(name: str) -> None:
    work = replace(WORK, beam=("--runner=DirectRunner",))
    if name == Local.name:
        with opened(Local(), work) as runner:
            assert runner.options.get_all_options(drop_default=True)["runner"] == "DirectRunner"
        return
    with (
        pytest.raises(InputError, match=f"--runner=DirectRunner .* --on {name} chooses another"),
        opened(ENGINES[name](), work),
    ):
        pass


def test_what_a_user_gives_beam_goes_before_the_engines_own() -> None:
    with opened(Local(), replace(WORK, beam=("--direct_num_workers=7",))) as runner:
        told = runner.options.get_all_options(drop_default=True)
    assert told["direct_num_workers"] == 7
    assert told["runner"] == "FnApiRunner"


def test_a_program_that_is_none_is_refused(tmp_path: Path) -> None:
    there = tmp_path / "prism"
    with pytest.raises(InputError, match=r"--prism-binary .*prism is not there"):
        Prism(str(there)).check(WORK)
    there.write_text("#!/bin/sh\n")
    with pytest.raises(InputError, match="is not a program"):
        Prism(str(there)).check(WORK)
    there.chmod(0o755)
    Prism(str(there)).check(WORK)


def test_a_program_that_cannot_be_downloaded_is_named_with_the_cure() -> None:
    told = Prism().explain("Unable to fetch remote prism binary at u: <urlopen error refused>")
    assert isinstance(told, InputError)
    assert str(told).endswith("name one by --prism-binary")
