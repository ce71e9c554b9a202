"""The options of ``forebay jobs``: what is refused before Google is asked."""

from __future__ import annotations

import pytest

from forebay.cli import main
from forebay.commands.jobs.options import JobsOptions
from forebay.transforms.errors import InputError

WHERE = {"project": "my-project", "region": "europe-west1"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"action": "list", "job": "7"}, r"JOB = '7': list takes none; write describe 7"),
        ({"action": "cancel"}, r"JOB = None: missing; `forebay jobs list` tells"),
        ({"action": "lst"}, r"ACTION = 'lst': no such choice; use one of list, describe"),
        ({"action": "list", "region": "europe-west1-b"}, r"write its region, europe-west1"),
        ({"action": "list", "project": None}, r"--project = None: missing"),
    ],
)
def test_what_is_wrong_is_told_by_its_name(options: dict[str, str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        JobsOptions(**{**WHERE, **options})


def test_without_credentials_nobody_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    command = ["jobs", "list", "--project", WHERE["project"], "--region", WHERE["region"]]
    assert main(command) == 2
    assert "no credentials for Google Cloud were found; run `gcloud" in capsys.readouterr().err
