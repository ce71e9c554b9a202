"""The steps from the rows of each split to the transform graph and the examples."""

from collections.abc import Mapping, Sequence

import apache_beam as beam
import tensorflow_transform.beam as tft_beam

from forebay.pipelines.job import Job
from forebay.pipelines.options import PARQUET
from forebay.pipelines.runners.run import Build
from forebay.pipelines.sinks.parquet import WriteParquet
from forebay.pipelines.sinks.rows import WriteRows
from forebay.pipelines.sinks.tfrecords.write import WriteExamples
from forebay.pipelines.tallies.features import FeatureTallies
from forebay.pipelines.tallies.finite import FindNonFinite
from forebay.pipelines.tallies.tallies import WriteTallies
from forebay.pipelines.transform.read import Shard
from forebay.pipelines.transform.shards import AnalyzeAndTransform, TransformShards
from forebay.pipelines.transform.write import WriteTransformFn
from forebay.transforms.graph.embedded import EmbeddedTable

# What they tally, in the run's temporary folder.
TRANSFORMED = "transformed.json"


def transform_steps(
    job: Job, shards: Sequence[Shard], embedded: Mapping[str, EmbeddedTable]
) -> Build:
    """Returns what applies the steps from the rows of each split to examples and graph.

    Args:
        job: the run.
        shards: what the first pipeline leaves.
        embedded: the tables that the graph has inside.
    """

    def build(pipeline: beam.Pipeline) -> None:
        with tft_beam.Context(
            temp_dir=job.temporary_path("tft"), use_deep_copy_optimization=True
        ):  # fmt: skip
            if job.graph is None:
                transform_fn, transformed = pipeline | "Transform" >> AnalyzeAndTransform(
                    job.dataset, shards, embedded
                )
                _ = transform_fn | "WriteTransformFn" >> WriteTransformFn(
                    job.folder, job.temporary_path()
                )
            else:
                transform_fn = pipeline | "ReadTransformFn" >> tft_beam.ReadTransformFn(job.folder)
                transformed = pipeline | "Transform" >> TransformShards(
                    job.dataset, shards, transform_fn
                )
        written = transformed | "WriteExamples" >> WriteExamples(job.folder, job.options.gzip)
        tallied = [written]
        if PARQUET in job.options.also:
            tallied.append(transformed | "Parquet" >> WriteParquet(job.folder, shards))
        tallied += [
            pipeline | f"Also {i}" >> WriteRows(sink, job.dataset, shards)
            for i, sink in enumerate(job.sinks.rows)
        ]
        features = transformed | "FeatureTallies" >> FeatureTallies(job.dataset)
        nonfinite = transformed | "NonFinite" >> FindNonFinite(job.dataset)
        _ = (*tallied, features, nonfinite) | "Tallies" >> WriteTallies(
            job.temporary_path(TRANSFORMED)
        )

    return build
