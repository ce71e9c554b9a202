"""``forebay vertex``: from parsed arguments to a file, and to Vertex AI."""

import argparse
from dataclasses import dataclass

from forebay.commands.vertex.options import spec_of
from forebay.commands.vertex.service import Vertex, checked, page_of
from forebay.commands.vertex.spec import Spec
from forebay.console.terminal import note, say, say_json
from forebay.storage.named_files import write_whole
from forebay.transforms.errors import ForebayError, InputError
from forebay.transforms.json_text import json_text


@dataclass(frozen=True)
class Sent:
    """What became of a spec.

    Attributes:
        names: the whole names of what was made.
        state: the state that its job ended in; None: nobody waited.
    """

    names: list[str]
    state: str | None = None


def run_vertex(args: argparse.Namespace) -> int:
    """Runs ``forebay vertex`` with parsed arguments; returns its exit status."""
    if args.wait and not args.submit:
        raise InputError("--wait: nothing is sent; give --submit, too, or leave it out")
    spec = spec_of(args)
    checked(spec.requests())
    text = json_text(spec.file(), indent=2) + "\n"
    if args.spec is not None:
        write_whole(args.spec, text.encode(), "--spec", _read(args))
        note(f"wrote {args.spec}")
    elif not args.submit:
        say(text.rstrip())
    if args.submit:
        sent = submit(spec, args.api_address, wait=args.wait)
        if args.json:
            say_json({"sent": sent.names, "state": sent.state})
    return 0


def _read(args: argparse.Namespace) -> list[str]:
    """Returns the files of options that are read; what else a spec is made of is elsewhere."""
    given = (getattr(args, name, None) for name in ("config", "searches"))
    return [path for path in given if path is not None]


def submit(spec: Spec, address: str | None = None, *, wait: bool = False) -> Sent:
    """Sends a spec.

    Args:
        spec: what is sent.
        address: another address of Vertex AI's API; None: Google's own.
        wait: whether to wait until its job has ended.

    Raises:
        InputError: credentials, buckets, what is read there, project or region are not as they
            must be.
        RunFailed: nothing answers; or the job that is waited for failed.
    """
    vertex = Vertex(str(spec.project), str(spec.region), address)
    vertex.check_places(spec)
    names: list[str] = []
    try:
        for name in vertex.send(spec.requests()):
            names.append(name)
            page = page_of(name, vertex.project)
            note(f"sent {name}" + (f": {page}" if page else ""))
    except ForebayError as error:
        if not names or "/endpoints/" not in names[0]:
            raise
        raise type(error)(
            f"{error}; {names[0]} is there and costs money where models are deployed: go on with "
            f"--endpoint {names[0].rpartition('/')[2]}, or delete it"
        ) from error
    return Sent(names, vertex.wait(names[0]) if wait and "Jobs/" in names[0] else None)
