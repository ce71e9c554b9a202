"""Features that can teach a model nothing are named in the manifest; empty splits are no error."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from pipelines.options import PreprocessOptions
from pipelines.preprocess import preprocess
from trainer.run_folder import open_run
from transforms.errors import RunFolderError
from transforms.manifest import MANIFEST_NAME, Manifest

DEFINITION = str(Path(__file__).with_name("orders.py"))
ROWS = 100


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("orders")
    chance = random.Random(1)
    lines = ["id,at,amount,constant,void,shop,only,rarely,blank,paid"]
    for i in range(ROWS):
        amount, shop = f"{chance.gauss(0, 1):.3f}", "south" if i % 25 == 0 else "north"
        rarely = "y" if i % 2 else ""
        lines.append(f"{i},2024-05-01 10:00,{amount},7,,{shop},x,{rarely},,{i / 10}")
    (folder / "orders.csv").write_text("\n".join(lines))
    preprocess(
        PreprocessOptions(DEFINITION, (str(folder / "orders.csv"),), str(folder / "run"), shards=3)
    )
    return folder / "run"


@pytest.fixture(scope="module")
def manifest(run: Path) -> Manifest:
    return Manifest.from_json((run / MANIFEST_NAME).read_text("utf-8"), str(run))


def test_each_degenerate_feature_is_named_with_what_is_wrong(manifest: Manifest) -> None:
    assert {warning.feature: warning.problem for warning in manifest.warnings} == {
        "constant_z_score": "the same value in every training row",
        "constant_bucket": "the same value in every training row",
        "void_0_1": "every training value of void is missing",
        "void_bucket": "every training value of void is missing",
        "only_id": "one value in every training row that has any",
        "rarely_id": "one value in every training row that has any",
        "blank_id": "every training value of blank is missing",
        "crowded": "one cell holds 96.0% of the training rows",
    }


def test_empty_splits_have_no_files(run: Path, manifest: Manifest) -> None:
    assert manifest.rows == {"train": ROWS, "eval": 0, "test": 0}
    assert len(manifest.examples("train")) == 3
    assert manifest.examples("eval") == manifest.examples("test") == []
    assert {path.name for path in (run / "examples").iterdir()} == {"train"}


def test_readers_say_that_a_split_is_empty(run: Path) -> None:
    with pytest.raises(RunFolderError, match="'eval' has no rows"):
        open_run(str(run)).examples("eval")
