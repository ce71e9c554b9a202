"""The benchmark by hand in PySpark, on two local cores: window functions and ML transformers.

    python benchmarks/peers/spark.py DIR OUT

Spark's StandardScaler divides by the sample deviation and knows no missing values, so numbers
are scaled with aggregates of train instead, in one pass. Windows over arrivals are asked at
departures: events and questions are put in one column of times per destination.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
from contract import (
    CARRIED,
    CATEGORIES,
    MEASURES,
    MIN_COUNT,
    QUANTILES,
    SCALED,
    SPLITS,
    Phases,
    csv_files,
    splits_of,
)
from pyspark import StorageLevel, TaskContext
from pyspark.ml.feature import QuantileDiscretizer, StringIndexer
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

SCHEMA = (
    "year INT, month INT, day INT, dep_time INT, sched_dep_time INT, dep_delay DOUBLE,"
    " arr_time INT, sched_arr_time INT, arr_delay DOUBLE, carrier STRING, flight INT,"
    " tailnum STRING, origin STRING, dest STRING, air_time INT, distance DOUBLE, hour INT,"
    " minute INT, time_hour TIMESTAMP"
)
HOUR = 60  # times are counted in minutes, as the data's are


def main() -> None:
    folder, out = sys.argv[1:]
    phases = Phases()
    with phases.timed("start"):
        spark = session(folder, out)
    with phases.timed("read and windows"):
        flights = with_split(spark, with_windows(read(spark, folder)))
        flights = flights.persist(StorageLevel.MEMORY_AND_DISK)
        flights.count()
    with phases.timed("transform"):
        outputs = transformed(flights, flights.filter("split = 0"))
    with phases.timed("write"):
        for split in SPLITS:
            Path(out, "examples", split).mkdir(parents=True)
        outputs.mapInArrow(writer(out), "rows LONG").agg(F.sum("rows")).collect()
    phases.write(out)
    spark.stop()


def session(folder: str, out: str) -> SparkSession:
    """Starts Spark with 8 GiB for the JVM and a partition for every 64 MiB of text."""
    # Python workers import this folder's modules too.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    partitions = max(2, sum(map(os.path.getsize, csv_files(folder))) >> 26)
    settings = {
        "spark.driver.memory": "8g",
        "spark.local.dir": f"{out}/spark",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(partitions),
        "spark.sql.execution.arrow.maxRecordsPerBatch": "32768",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master("local[2]").appName("flights")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def read(spark: SparkSession, folder: str) -> DataFrame:
    """Reads the flights that left; times are minutes since 1970."""
    flights = spark.read.csv(f"{folder}/flights*.csv", SCHEMA, header=True, nullValue="NA")
    scheduled = (F.unix_seconds("time_hour") / 60).cast("long") + F.col("minute")
    return (
        flights.filter("dep_delay IS NOT NULL")
        .withColumn("sched", scheduled)
        .withColumn("left", F.col("sched") + F.col("dep_delay").cast("long"))
        .withColumn("landed", F.col("left") + F.col("air_time"))
        .withColumn("flight_date", F.make_date("year", "month", "day"))
        .select(
            "sched", "left", "landed", "flight_date", "flight", "distance", "dep_delay",
            "arr_delay", *CATEGORIES,
        )
    )  # fmt: skip


def with_windows(flights: DataFrame) -> DataFrame:
    """Adds the windowed columns."""
    for over, key, operators in (
        (1, "origin", ("mean", "count")),
        (3, "origin", ("mean", "count")),
        (3, "carrier", ("mean",)),
    ):
        window = Window.partitionBy(key).orderBy("left").rangeBetween(-over * HOUR, -1)
        for operator in operators:
            value = getattr(F, operator)("dep_delay").over(window)
            flights = flights.withColumn(f"dep_delay_{operator}_{over}h_by_{key}", value)
    events = flights.filter("arr_delay IS NOT NULL AND landed IS NOT NULL").select(
        "dest", F.col("landed").alias("at"), F.col("arr_delay").alias("value")
    )
    asked = flights.withColumn("at", F.col("left")).withColumn("asked", F.lit(True))
    both = asked.unionByName(events, allowMissingColumns=True)
    by_dest = Window.partitionBy("dest").orderBy("at")
    for length, hours, operator in (("1h", 1, "mean"), ("1h", 1, "max"), ("3h", 3, "mean"),
                                    ("1d", 24, "stddev_samp")):  # fmt: skip
        value = getattr(F, operator)("value").over(by_dest.rangeBetween(-hours * HOUR, -1))
        name = operator.removesuffix("dev_samp")
        both = both.withColumn(f"arr_delay_{name}_{length}_by_dest", value)
    return both.filter("asked").drop("asked", "at", "value", "landed", "left")


def with_split(spark: SparkSession, flights: DataFrame) -> DataFrame:
    """Keeps the rows with a label and adds their split's number."""
    days = [row[0] for row in flights.select("flight_date").distinct().collect()]
    assigned = spark.createDataFrame(list(splits_of(days).items()), "flight_date DATE, split INT")
    labelled = flights.filter("arr_delay IS NOT NULL")
    return labelled.join(F.broadcast(assigned), "flight_date")


def transformed(flights: DataFrame, train: DataFrame) -> DataFrame:
    """Learns the statistics of train; returns every output column, and the split."""
    wanted = [F.mean(name).alias(f"{name}_mean") for name in SCALED]
    wanted += [F.stddev_pop(name).alias(f"{name}_std") for name in SCALED]
    known = train.agg(*wanted).first().asDict()
    ids = StringIndexer(
        inputCols=list(CATEGORIES),
        outputCols=[f"{name}_index" for name in CATEGORIES],
        stringOrderType="frequencyDesc",
        handleInvalid="keep",
    ).fit(train)
    cut = QuantileDiscretizer(
        numBuckets=QUANTILES, inputCol="dep_delay", outputCol="bucket", relativeError=0.001
    ).fit(train)
    sizes = {
        name: train.groupBy(name)
        .count()
        .filter(F.col(name).isNotNull() & (F.col("count") >= MIN_COUNT[name]))
        .count()
        for name in CATEGORIES
    }
    scheduled = F.timestamp_seconds(F.col("sched") * 60)
    carried = {"flight_date": F.unix_date("flight_date"), "sched_ts": F.col("sched") * 60_000_000}
    return cut.transform(ids.transform(flights)).select(
        "split",
        *(_scaled(name, known).alias(f"{name}_z_score") for name in SCALED),
        *(
            F.col(name).isNull().cast("float").alias(f"{name}_z_score_is_missing")
            for name in MEASURES
        ),
        *(_id(name, size).alias(f"{name}_id") for name, size in sizes.items()),
        F.col("bucket").cast("long").alias("dep_delay_bucket"),
        F.hour(scheduled).alias("sched_ts_hour_of_day"),
        F.weekday(scheduled).alias("sched_ts_day_of_week"),
        *(carried.get(name, F.col(name)).alias(name) for name in CARRIED),
    )


def _scaled(name: str, known: dict[str, float]) -> Column:
    mean, deviation = known[f"{name}_mean"], known[f"{name}_std"]
    return ((F.coalesce(F.col(name), F.lit(mean)) - mean) / deviation).cast("float")


def _id(name: str, size: int) -> Column:
    """Ids by frequency; then one for values outside the vocabulary, then one for missing."""
    index = F.least(F.col(f"{name}_index").cast("long"), F.lit(size))
    return F.when(F.col(name).isNull(), F.lit(size + 1)).otherwise(index)


def writer(out: str) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Returns what writes the rows, for mapInArrow."""

    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow.compute as pc
        import tensorflow as tf
        from tfrecord_files import encode

        part, rows = TaskContext.get().partitionId(), 0
        files = [
            tf.io.TFRecordWriter(f"{out}/examples/{split}/part-{part}.tfrecord") for split in SPLITS
        ]
        for batch in batches:
            for number, file in enumerate(files):
                chosen = batch.filter(pc.equal(batch["split"], number)).drop_columns(["split"])
                columns = dict(zip(chosen.schema.names, chosen.columns, strict=True))
                for example in encode(columns) if len(chosen) else ():
                    file.write(example)
                rows += len(chosen)
        for file in files:
            file.close()
        yield pa.RecordBatch.from_pydict({"rows": [rows]})

    return write


if __name__ == "__main__":
    main()
