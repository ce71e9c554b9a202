"""What a step tells while it works, of files as they come."""

from pathlib import Path

import pytest

from forebay.pipelines.runners import progress as told


def test_a_step_that_has_finished_no_file_yet_says_that_it_gets_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(told, "_LINE_SECONDS", 0.0)
    (tmp_path / "piece.arrow").write_bytes(bytes(1_500_000))

    def until(words: str) -> None:
        printed = ""
        while words not in printed:
            printed += capsys.readouterr().err

    with told.progress("ingest", str(tmp_path / "train-*"), 3, str(tmp_path / "*.arrow")):
        until("ingest: 0 of 3 files, 1.5 MB set aside after 0 s")
        (tmp_path / "train-00000").touch()
        until("ingest: 1 of 3 files, 1.5 MB set aside after")
        (tmp_path / "piece.arrow").unlink()
        until("ingest: 1 of 3 files after")
