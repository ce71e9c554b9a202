"""Commands one after the other, as a pipeline of Vertex AI."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from forebay.commands.predict import options as predict
from forebay.commands.vertex.spec import Container, Json, Request, flag, given, needed_folder
from forebay.console.arguments import Parser
from forebay.console.commands import add_commands
from forebay.pipelines import options as pipelines
from forebay.pipelines.options import split_beam_arguments
from forebay.trainer.task import COMMANDS as TRAINER
from forebay.transforms.errors import InputError, Problem

_STEPS = {**pipelines.COMMANDS, **TRAINER, **predict.COMMANDS}
# Of the pipeline's own format, which Kubeflow Pipelines defines.
_SCHEMA = "2.1.0"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,127}")


@dataclass(frozen=True, kw_only=True)
class Pipeline(Container):
    """Commands of Forebay, one after the other, each in a container.

    Attributes:
        steps: the commands, as they are typed without their first word, in order; what they read
            and write has to be where all of them see it, such as Cloud Storage.
        output: the folder on Cloud Storage for what the pipeline keeps of its own.
        cpus: the cores of each step's machine.
        memory_gb: the GB of each step's memory.
    """

    action: ClassVar[str] = "pipeline"
    does: ClassVar[str] = "a pipeline of commands, one after the other"
    examples: ClassVar[tuple[str, ...]] = (
        "--step 'preprocess flights.py --input gs://b/f.csv --output gs://b/runs/flights' \\\n"
        "--step 'train gs://b/runs/flights' --step 'evaluate gs://b/runs/flights --split test' \\\n"
        "--image europe-west1-docker.pkg.dev/my-project/images/flights:1 \\\n"
        "--output gs://b/pipelines --project my-project --region europe-west1 \\\n"
        "--spec pipeline.json",
    )

    steps: tuple[str, ...] = flag("--step", "COMMAND", (), many=True)
    output: str | None = flag("--output", "GS")
    cpus: float = flag("--cpus", "N", 4.0, float)
    memory_gb: float = flag("--memory-gb", "GB", 16.0, float)

    def problems(self) -> Iterator[Problem]:
        """Yields what is wrong with the options."""
        yield from super().problems()
        yield from needed_folder("--output", self.output)
        if not self.steps:
            yield Problem("--step", None, "missing", "write such as 'train gs://B/runs/flights'")
        for step in self.steps:
            problem = _refused(step)
            if problem is not None:
                yield Problem("--step", step, problem, "write it as it is typed after `forebay`")
        for name, value in (("--cpus", self.cpus), ("--memory-gb", self.memory_gb)):
            if not 0 < value < float("inf"):
                yield Problem(name, value, "not above zero", "give such as 4")

    def places(self) -> Iterator[tuple[str, str]]:
        """Yields the folders on Cloud Storage that it reads and writes, under their flags."""
        yield "--output", str(self.output)

    def requests(self) -> list[Request]:
        """Returns what is sent."""
        about = self.about("pipeline")
        body = {
            **about,
            "pipelineSpec": self.pipeline(str(about["displayName"])),
            "runtimeConfig": {"gcsOutputDirectory": self.output},
            **given({"serviceAccount": self.service_account, "network": self.network}),
        }
        return [Request(method="create_pipeline_job", kind="PipelineJob", body=body)]

    def pipeline(self, name: str) -> Json:
        """Returns the pipeline in the format of Kubeflow Pipelines."""
        words = [shlex.split(step) for step in self.steps]
        names = [f"{place}-{word[0]}" for place, word in enumerate(words, 1)]
        resources = {"cpuLimit": self.cpus, "memoryLimit": self.memory_gb}
        tasks = {
            step: {
                "taskInfo": {"name": step},
                "componentRef": {"name": f"comp-{step}"},
                # The same command makes another run where its tables have other rows.
                "cachingOptions": {},
                **({"dependentTasks": [names[place - 1]]} if place else {}),
            }
            for place, step in enumerate(names)
        }
        executors = {
            f"exec-{step}": {
                "container": {
                    "image": self.image, "command": ["forebay"], "args": args,
                    "resources": resources,
                }
            }
            for step, args in zip(names, words, strict=True)
        }  # fmt: skip
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        return {
            "schemaVersion": _SCHEMA,
            "pipelineInfo": {"name": plain if _NAME.fullmatch(plain) else "forebay"},
            "root": {"dag": {"tasks": tasks}},
            "components": {f"comp-{step}": {"executorLabel": f"exec-{step}"} for step in names},
            "deploymentSpec": {"executors": executors},
        }


class _Told(Parser):
    """A parser that raises what it says."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise InputError(message)


def _refused(step: str) -> str | None:
    """Returns what is wrong with a command; None: nothing."""
    try:
        own, _ = split_beam_arguments(shlex.split(step))
        if not own or own[0] not in _STEPS:
            return f"no command of a pipeline: {', '.join(_STEPS)}"
        parser = _Told(prog="forebay")
        add_commands(parser, _STEPS)
        parser.parse_args(own)
    except (ValueError, InputError) as error:
        return str(error)
    except SystemExit:  # --help and the like
        return "it does no work"
    return None
