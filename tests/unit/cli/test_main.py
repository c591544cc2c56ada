"""How the command ends where it cannot do what was asked."""

from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from cli.main import main
from tests.support.fake_api import FakeApi, Quern, refused


def test_a_refusal_shows_title_detail_and_every_field(quern: Quern, api: FakeApi) -> None:
    fields = [{"field": "top_k", "message": "must be a whole number from 0 to 50"}]
    api.on(
        "POST", "/api/queries", refused(422, title="Invalid", detail="Not possible", errors=fields)
    )

    result = quern("ask", "What?", "--top-k", "99")

    assert result.exit_code == 1
    assert result.stderr == (
        "Invalid: Not possible\n  top_k: must be a whole number from 0 to 50\n"
    )


def test_a_server_that_is_not_there_is_named_with_the_remedy() -> None:
    result = CliRunner().invoke(main, ["--url", "http://127.0.0.1:9", "jobs"])

    assert result.exit_code == 2
    assert result.stderr == (
        "Quern is not running at http://127.0.0.1:9; start it with: quern up\n"
    )


def test_another_server_on_the_port_is_not_taken_for_quern(quern: Quern, api: FakeApi) -> None:
    api.on("GET", "/api/jobs", httpx.Response(200, html="<p>Hello</p>"))

    result = quern("jobs")

    assert result.exit_code == 2
    assert "What answers at http://quern is not Quern" in result.stderr


def test_an_unknown_setting_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QUERN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("QUERN_URL", "http://elsewhere")

    result = CliRunner().invoke(main, ["jobs"])

    assert result.exit_code == 2
    assert result.stderr == "unknown settings: QUERN_URL; the README lists every setting\n"
