"""What every spec for Vertex AI is made of: whose it is, what it is called, on which machines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from forebay.pipelines.google.account import Needed
from forebay.pipelines.google.checks import (
    account_problems,
    folder_problems,
    image_problems,
    label_problems,
    read_labels,
    where_problems,
)
from forebay.transforms.errors import InputError, Problem

Json = dict[str, Any]
_LONGEST_NAME = 128
_MACHINE = re.compile(r"[a-z][a-z0-9]*-[a-z]+(?:-[a-z0-9]+)*")
_NETWORK = re.compile(r"projects/[0-9]+/global/networks/[a-z][a-z0-9-]*")


def flag(name: str, metavar: str, default: Any = None, read: Any = str, many: bool = False) -> Any:
    """Returns an attribute of a spec that the command line gives as a flag.

    Args:
        name: such as ``--image``.
        metavar: what stands for its value in the help.
        default: its value where it is not given.
        read: makes the value of a text, as ``type`` of argparse; bool: the flag has no value.
        many: whether the flag may be given again and again.
    """
    told = {"flag": name, "metavar": metavar, "read": read, "many": many}
    return field(default=default, metadata=told)


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call of Vertex AI's API.

    Attributes:
        method: the client library's name for it, such as ``create_custom_job``.
        kind: the library's type of the body, such as ``CustomJob``.
        body: as the REST API has it, in JSON.
    """

    method: str
    kind: str
    body: Json


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What is sent to Vertex AI; a dataclass of options, each with its flag.

    Attributes:
        project: the id of the Google Cloud project that pays.
        region: where, such as europe-west1.
        name: what it is called, for people; None: forebay, and what it is made of.
        labels: labels, KEY=VALUE,..., for the bill.

    Raises:
        InputError: options are missing or wrong; it lists all of them.
    """

    # What the action is called, what it does, and examples of its arguments.
    action: ClassVar[str]
    does: ClassVar[str]
    examples: ClassVar[tuple[str, ...]]

    project: str | None = flag("--project", "ID")
    region: str | None = flag("--region", "REGION")
    name: str | None = flag("--name", "NAME")
    labels: str | None = flag("--labels", "KEY=VALUE,...")

    def __post_init__(self) -> None:
        problems = [str(problem) for problem in self.problems()]
        if problems:
            raise InputError(f"options of vertex {self.action}: " + "; ".join(problems))

    def problems(self) -> Iterator[Problem]:
        """Yields what is wrong with the options."""
        yield from where_problems(self.project, self.region)
        yield from label_problems(self.labels)
        if self.name is not None and not 0 < len(self.name) <= _LONGEST_NAME:
            cure = f"give 1 to {_LONGEST_NAME} characters"
            yield Problem("--name", self.name, "not a name's length", cure)

    def places(self) -> Iterator[tuple[str, str]]:
        """Yields the folders on Cloud Storage that it reads and writes, under their flags."""
        yield from ()

    def needs(self) -> Iterator[Needed]:
        """Yields the files on Cloud Storage without which it would fail there."""
        yield from ()

    def requests(self) -> list[Request]:
        """Returns what is sent, in order."""
        raise NotImplementedError

    def file(self) -> Any:
        """Returns what stands in the file: the body of the one request, as REST takes it."""
        (request,) = self.requests()
        return request.body

    def about(self, made_of: str) -> Json:
        """Returns name and labels."""
        name = self.name or f"forebay-{made_of}"[:_LONGEST_NAME]
        labels = dict(read_labels(self.labels))
        return {"displayName": name, **({"labels": labels} if labels else {})}


@dataclass(frozen=True, kw_only=True)
class Account(Spec):
    """Whose rights a spec's work has.

    Attributes:
        service_account: whose rights the work has; None: Vertex AI's own for the project.
    """

    service_account: str | None = flag("--service-account", "EMAIL")

    def problems(self) -> Iterator[Problem]:
        """Yields what is wrong with the options."""
        yield from super().problems()
        yield from account_problems(self.service_account)


@dataclass(frozen=True, kw_only=True)
class Machines(Account):
    """On which machines a spec's work is done.

    Attributes:
        machine_type: the machines, such as n1-standard-8.
        accelerator: the GPU of each machine, such as NVIDIA_TESLA_T4; None: none.
    """

    machine_type: str = flag("--machine-type", "TYPE", "n1-standard-8")
    accelerator: str | None = flag("--accelerator", "TYPE")

    def problems(self) -> Iterator[Problem]:
        """Yields what is wrong with the options."""
        yield from super().problems()
        if not _MACHINE.fullmatch(self.machine_type):
            cure = "write such as n1-standard-8"
            yield Problem("--machine-type", self.machine_type, "not a machine type", cure)
        if self.accelerator is not None and not re.fullmatch(r"[A-Z][A-Z0-9_]+", self.accelerator):
            cure = "write such as NVIDIA_TESLA_T4"
            yield Problem("--accelerator", self.accelerator, "not an accelerator", cure)

    @property
    def machine(self) -> Json:
        """The machines, as the API has it."""
        gpu = {"acceleratorType": self.accelerator, "acceleratorCount": 1}
        return {"machineType": self.machine_type, **(gpu if self.accelerator else {})}


@dataclass(frozen=True, kw_only=True)
class Container(Account):
    """What runs in an image of yours.

    Attributes:
        image: the container image, which deploy/Dockerfile makes.
        network: the network that the machines join, projects/NUMBER/global/networks/NAME; None:
            none of yours.
    """

    image: str | None = flag("--image", "IMAGE")
    network: str | None = flag("--network", "NETWORK")

    def problems(self) -> Iterator[Problem]:
        """Yields what is wrong with the options."""
        yield from super().problems()
        if self.image is None:
            cure = "name an image that has Forebay, made from deploy/Dockerfile"
            yield Problem("--image", None, "missing", cure)
        yield from image_problems("--image", self.image)
        if self.network is not None and not _NETWORK.fullmatch(self.network):
            cure = "write projects/NUMBER/global/networks/NAME"
            yield Problem("--network", self.network, "not a network's whole name", cure)


def given(values: Mapping[str, Any]) -> Json:
    """Returns the values that are given."""
    return {name: value for name, value in values.items() if value not in (None, False)}


def needed_folder(flag: str, folder: str | None) -> Iterator[Problem]:
    """Yields what is wrong with a folder on Cloud Storage that has to be given."""
    if not folder:
        yield Problem(flag, folder, "missing", "write such as gs://my-bucket/trainings/flights")
    yield from folder_problems(flag, folder)
