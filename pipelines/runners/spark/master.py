"""The master of a standalone Spark cluster, asked through its web pages."""

import json
import re
import socket
import urllib.request
from dataclasses import dataclass

from forebay.pipelines.runners.portable import answering
from forebay.transforms.errors import InputError, reason

_SECONDS = 10.0
_VERSION = re.compile(r'<span class="version"[^>]*>\s*([\d.]+)')


@dataclass(frozen=True)
class Overview:
    """What a cluster says of itself.

    Attributes:
        version: Spark's, such as ``3.5.0``; None: the page does not say.
        workers: how many machines work for it.
        cores, free_cores: theirs, and those that no application has.
    """

    version: str | None
    workers: int
    cores: int
    free_cores: int


def check_listening(master: str) -> None:
    """Checks that something listens where the master is said to be.

    Args:
        master: spark://HOST:PORT, or several addresses of masters that stand in for each other.

    Raises:
        InputError: nothing does, at any of them.
    """
    said = []
    for address in master.removeprefix("spark://").split(","):
        host, port = address.rsplit(":", 1)
        try:
            socket.create_connection((host, int(port)), _SECONDS).close()
            return
        except (OSError, OverflowError) as error:  # the latter of a port that there cannot be
            said.append(reason(error))
    raise InputError(
        f"--spark-master {master}: no answer ({'; '.join(said)}); start the cluster, or name its "
        "master as its web page does"
    )


def overview(ui: str) -> Overview:
    """Asks the master what the cluster is.

    Args:
        ui: HOST:PORT of its web pages.

    Raises:
        InputError: nothing answers, or it is no master.
    """
    cure = "name the master's web page by --spark-ui HOST:PORT"
    address = (ui if "://" in ui else f"http://{ui}").rstrip("/")
    with answering(f"--spark-ui {ui}", "Spark master", cure):
        told = json.loads(_page(f"{address}/json/"))
        version = _VERSION.search(_page(f"{address}/"))
        return Overview(
            version[1] if version else None,
            told["aliveworkers"],
            told["cores"],
            told["cores"] - told["coresused"],
        )


def _page(address: str) -> str:
    with urllib.request.urlopen(address, timeout=_SECONDS) as answer:  # noqa: S310
        return str(answer.read(), "utf-8", "replace")
