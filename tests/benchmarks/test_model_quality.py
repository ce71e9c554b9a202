"""The comparison of models is of definitions that there are, and its command parses."""

from __future__ import annotations

from types import ModuleType

import pytest

from transforms.dataset import Dataset


def test_every_definition_of_the_flights_is_compared(
    model_quality: ModuleType, flights_example: ModuleType
) -> None:
    found = {name for name, value in vars(flights_example).items() if isinstance(value, Dataset)}

    assert set(model_quality.PEERS) == found


def test_help_tells_what_is_tuned(
    model_quality: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["model_quality.py", "--help"])

    with pytest.raises(SystemExit) as ended:
        model_quality.main()

    assert ended.value.code == 0
    assert "tune LightGBM on eval" in capsys.readouterr().out
