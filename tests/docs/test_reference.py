"""The reference is complete: every command, every flag, every public name has its place."""

from __future__ import annotations

import re
from dataclasses import fields

from doc_pages import DOCS, ROOT, Page

import forebay
from forebay.cli import _parser
from forebay.storage.run.layout import OUTPUTS
from forebay.storage.run.manifest import Manifest


def test_every_command_has_its_page() -> None:
    (commands,) = _parser()._subparsers._group_actions
    folder = DOCS / "reference" / "commands"
    generated = {
        name
        for path in folder.glob("*.md")
        for name in re.findall(r"^```{forebay-command} ([a-z-]+)$", path.read_text("utf-8"), re.M)
    }
    assert generated == set(commands.choices)


def test_every_public_name_is_in_the_python_reference_once() -> None:
    found = [
        name
        for path in sorted((DOCS / "reference" / "api").glob("*.md"))
        for name in re.findall(r"^\.\. auto(?:class|function):: (\w+)$", path.read_text(), re.M)
    ]
    assert sorted(found) == forebay.__all__


def test_links_from_outside_the_site_lead_somewhere() -> None:
    """Those inside it are checked by `make docs`."""
    for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("examples/*/README.md")):
        for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
            if not link.startswith("http"):
                assert (path.parent / link.partition("#")[0]).exists(), f"{path}: {link}"


def test_what_contributing_names_is_there() -> None:
    paths = [
        path
        for row in Page("contributing.md").tables
        for cell in row
        for path in re.findall(r"`([\w./]+/[\w.]*)`", cell["file"])
    ]
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_files_on_a_rows_way_are_there() -> None:
    way = Page("architecture.md").text.partition("## One row's way")[2]
    paths = re.findall(r"`([\w/]+/(?:[\w.]+\.py)?)`", way)
    assert len(paths) > 15
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_run_folders_entries_are_on_its_page() -> None:
    page = Page("reference/run-folder.md")
    shown = set(re.findall(r"`([\w.-]+)/?`", " ".join(row["entry"] for row in page.tables[0])))
    assert set(OUTPUTS) < shown
    keys = set(re.findall(r"`(\w+)`", " ".join(row["key"] for row in page.table_with("key"))))
    assert keys == {field.name for field in fields(Manifest)}


def test_every_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for page in map(Page, ("../README.md", "install.md")):
        named = set(re.findall(r"`make ([a-z-]+)", page.text))
        assert named
        assert all(re.search(rf"^{target}:", makefile, re.M) for target in named)
