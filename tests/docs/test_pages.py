"""What the pages tell a reader to type works, in their order, on a part of the same data."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from doc_pages import ROOT, Block, Page, pages
from leaf_parsers import leaf_parsers

from forebay.cli import _parser, main

PAGES = pages()
# The quickstart runs before all others, and the README shows parts of it.
AT_ONCE = ("quickstart.md", "../README.md")
# So many steps show that a training works.
MOST_STEPS = 40


def runs(page: Page) -> bool:
    """Whether a page has something to run: Python, or commands of ours."""
    return any(is_run(block) for block in page.blocks)


def is_run(block: Block) -> bool:
    return block.language in ("python", "sh") and block.not_run is None


def fewer_steps(command: list[str]) -> list[str]:
    """The command with few steps, if it trains."""
    if command[1] not in ("train", "sweep"):
        return command
    if "--max-steps" not in command:
        return [*command, "--max-steps", str(MOST_STEPS)]
    at = command.index("--max-steps") + 1
    return [*command[:at], str(min(MOST_STEPS, int(command[at]))), *command[at + 1 :]]


def run_block(page: Page, block: Block, names: dict[str, Any]) -> None:
    where = f"{page}:{block.line}"
    if block.language == "sh":
        for command in block.commands:
            assert command[0] == "forebay", f"{where}: {command[0]} is run by no test"
            assert main(fewer_steps(command)[1:]) == 0, f"{where}: {' '.join(command)}"
    elif block.file is None:
        exec(compile(block.text, where, "exec"), names)
    else:
        module = block.file.removesuffix(".py")
        sys.modules.pop(module, None)
        importlib.invalidate_caches()
        names |= vars(importlib.import_module(module))


@pytest.fixture(scope="session")
def after_quickstart(readers_folder: Path) -> Path:
    """The reader's folder when the quickstart is done: other pages begin there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(readers_folder)
        patch.syspath_prepend(str(readers_folder))
        run_page(Page("quickstart.md"))
    return readers_folder


def run_page(page: Page) -> None:
    names: dict[str, Any] = {"__name__": "page"}
    for block in page.blocks:
        if block.file is not None:
            Path(block.file).write_text(block.text, "utf-8")
        if is_run(block):
            run_block(page, block, names)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if runs(page) and page.name not in AT_ONCE], ids=repr
)
def test_what_a_page_says_works(
    page: Page, after_quickstart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(after_quickstart)
    monkeypatch.syspath_prepend(str(after_quickstart))
    run_page(page)


def test_the_readme_shows_what_the_quickstart_runs() -> None:
    readme, quickstart = Page("../README.md"), Page("quickstart.md")
    assert readme.code("python") == quickstart.code("python")
    commands = readme.commands("forebay")
    assert len(commands) == 5
    assert all(command in quickstart.commands("forebay") for command in commands)


@pytest.mark.parametrize("page", PAGES, ids=repr)
def test_every_command_is_understood(page: Page) -> None:
    """Also those that are not run: commands and flags are there, and have such values."""
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.M))
    for command in page.commands():
        if command[0] == "forebay":
            own = command[1 : command.index("--")] if "--" in command else command[1:]
            if own != ["--version"]:
                _parser().parse_args(own)
        elif command[0] == "make":
            assert [word for word in command[1:] if "=" not in word and word in targets], command


@pytest.mark.parametrize(
    "page", [page for page in PAGES if not page.name.startswith("decisions/")], ids=repr
)
def test_every_flag_that_is_named_exists(page: Page) -> None:
    """A flag in the text is one of some command's; decisions speak of other tools' flags, too.

    What follows ``--`` is Beam's.
    """
    known = {"--version"} | {
        flag for parser in leaf_parsers().values() for flag in parser._option_string_actions
    }
    in_text = re.sub(r"^(`{3,}).*?^\1", "", page.text, flags=re.S | re.M)
    for code in re.findall(r"`([^`]+)`", in_text):
        if code.split()[0].startswith("--") or code.startswith("forebay "):
            ours = re.split(r"\s--\s", code)[0]
            named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", ours))
            assert named <= known, f"{page}: {named - known}"
