"""Features that can teach a model nothing are named in the manifest; empty splits are not errors.

Beside that, on the same rows: weights travel to the examples, and what is not a weight is rejected.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import tensorflow as tf

from forebay.commands.report.command import report
from forebay.pipelines.options import PreprocessOptions
from forebay.pipelines.preprocess import preprocess
from forebay.storage.run.layout import MANIFEST_NAME
from forebay.storage.run.manifest import Manifest
from forebay.storage.run.occupancy import Collisions
from forebay.storage.run.run_folder import open_run
from forebay.trainer.examples.inputs import NO_INPUTS
from forebay.trainer.examples.split_reader import SplitReader
from forebay.transforms.errors import RunFolderError

DEFINITION = str(Path(__file__).with_name("orders.py"))
# A pattern, to some libraries.
NAME = r"run[1]{a,b}*?\x"
ROWS = 100
NO_WEIGHTS = ("", "-0.5", "inf", "nan", "1e39")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("orders")
    chance = random.Random(1)
    lines = ["id,at,amount,constant,void,shop,only,rarely,blank,paid,worth"]
    for i in range(ROWS):
        amount, shop = f"{chance.gauss(0, 1):.3f}", "south" if i % 25 == 0 else "north"
        rarely = "y" if i % 2 else ""
        lines.append(f"{i},2024-05-01 10:00,{amount},7,,{shop},x,{rarely},,{i / 10},{i / 8}")
    for i, worth in enumerate(NO_WEIGHTS, ROWS):
        lines.append(f"{i},2024-05-01 10:00,0.5,7,,north,x,,,1,{worth}")
    (folder / "orders.csv").write_text("\n".join(lines))
    preprocess(
        PreprocessOptions(
            DEFINITION, (str(folder / "orders.csv"),), str(folder / NAME), shards=3,
            max_reject_fraction=0.05,
        )
    )  # fmt: skip
    return folder / NAME


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


def test_combinations_that_share_a_bucket_are_counted(run: Path) -> None:
    files = sorted(map(str, (run / "examples" / "train").iterdir()))
    rows = []
    for record in tf.data.TFRecordDataset(files).as_numpy_iterator():
        features = tf.train.Example.FromString(record).features.feature
        rows.append([features[name].int64_list.value[0] for name in ("number", "shop_id", "mixed")])
    sharing: dict[int, set[tuple[int, int]]] = {}
    for number, shop, bucket in rows:
        sharing.setdefault(bucket, set()).add((number, shop))
    crowded = [bucket for bucket, combinations in sharing.items() if len(combinations) > 1]

    (mixed,) = [output for output in report(str(run)).outputs if output.output == "mixed"]

    assert mixed.collisions == Collisions(
        combinations=sum(map(len, sharing.values())),
        colliding=sum(len(sharing[bucket]) for bucket in crowded),
        colliding_share=sum(bucket in crowded for _, _, bucket in rows) / ROWS,
        sampled=False,
    )
    assert 0 < mixed.collisions.colliding < mixed.collisions.combinations
    assert (mixed.ids, mixed.occupied, mixed.rows) == (30, len(sharing), ROWS)


def test_empty_splits_have_no_files(run: Path, manifest: Manifest) -> None:
    assert manifest.rows == {"train": ROWS, "eval": 0, "test": 0}
    assert len(manifest.examples("train")) == 3
    assert manifest.examples("eval") == manifest.examples("test") == []
    assert {path.name for path in (run / "examples").iterdir()} == {"train"}


def test_weights_travel_to_the_examples(run: Path, manifest: Manifest) -> None:
    reader = SplitReader(open_run(str(run)), "train", NO_INPUTS, ("id", "worth"))
    examples = reader.read()
    assert dict(zip(examples.carried["id"], examples.carried["worth"], strict=True)) == {
        i: i / 8 for i in range(ROWS)
    }
    assert [manifest.files[name].rows for name in manifest.examples("train")] == [
        part.rows for part in reader.share.parts
    ]


def test_what_is_no_weight_is_rejected(run: Path, manifest: Manifest) -> None:
    assert manifest.rejects == {
        "worth: missing, so the row has no weight": 1,
        "worth: negative, and no weight can be": 1,
        "worth: not finite, and a weight must be": 2,
        "worth: beyond 3.4e+38, the greatest number of a model": 1,
    }
    (path,) = (run / "rejects").iterdir()
    found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert {(reject["raw"].split(",")[0], reject["reason"]) for reject in found} == {
        ("100", "worth: missing, so the row has no weight"),
        ("101", "worth: -0.5 is negative, and no weight can be"),
        ("102", "worth: inf is not finite, and a weight must be"),
        ("103", "worth: nan is not finite, and a weight must be"),
        ("104", "worth: 1e+39 is beyond 3.4e+38, the greatest number of a model"),
    }


def test_readers_say_that_a_split_is_empty(run: Path) -> None:
    with pytest.raises(RunFolderError, match="'eval' has no rows"):
        open_run(str(run)).examples("eval")
