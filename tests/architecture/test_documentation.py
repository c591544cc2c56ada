"""What the documents say is what the code does."""

import re
from dataclasses import fields
from pathlib import Path

import yaml

import celeryconfig
from protocol.messages import ROLES
from runtime.redis_options import COMPACT
from runtime.settings import PREFIX, Settings
from stack.programs import programs

ROOT = Path(__file__).parents[2]


def test_the_readme_lists_every_setting_with_its_default_and_meaning() -> None:
    rows = re.findall(r"^\| `QUERN_([A-Z_]+)` \| (.*?) \| (.*?) \|$", _readme(), re.MULTILINE)
    documented = {name.lower(): (default.strip("`"), meaning) for name, default, meaning in rows}

    assert documented == {f.name: (str(f.default), f.metadata["meaning"]) for f in fields(Settings)}


def test_compose_sets_only_settings_that_exist_and_pins_every_image() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    known = {PREFIX + f.name.upper() for f in fields(Settings)}

    for name, service in compose["services"].items():
        variables = set(service.get("environment", {}))
        assert {v for v in variables if v.startswith(PREFIX)} <= known, name
        assert service["cap_drop"] == ["ALL"], name
        assert ":" in service["image"], name
        assert "latest" not in service["image"], name
        for waited_for in service.get("depends_on", {}):
            assert "healthcheck" in compose["services"][waited_for], (name, waited_for)


def test_in_compose_ingestion_gives_way_and_nothing_else_does() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    shares = {name: service.get("cpu_shares", 1024) for name, service in services.items()}

    assert shares.pop("ingestion") <= 128
    assert set(shares.values()) == {1024}


def test_in_compose_chroma_runs_as_it_does_without_containers() -> None:
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]["chroma"]

    (chroma,) = programs(Settings(data_dir=Path("data").resolve()), only=["chroma"])
    assert service["command"][1:] == list(chroma.command)[-2:] == ["-m", "stack.chroma_server"]


def test_in_compose_the_queue_keeps_rows_as_small_as_without_containers() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    told = services["redis-queue"]["command"]

    for name, bound in COMPACT.items():
        assert told[told.index(f"--{name}") + 1] == str(bound)


def test_compose_probes_every_service() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]

    for name, service in services.items():
        probe = service["healthcheck"]
        assert probe["test"], name
        assert {"interval", "timeout", "retries"} <= probe.keys(), name
        if "workers." in " ".join(service.get("command", [])):
            assert service["environment"]["QUERN_ALIVE_FILE"] in probe["test"][1], name
            assert "import" not in probe["test"][1], name
    assert "/readyz" in services["web"]["healthcheck"]["test"][-1]


def test_celery_serves_one_queue_per_role_and_acknowledges_late() -> None:
    assert [queue.name for queue in celeryconfig.task_queues] == list(ROLES)
    assert celeryconfig.task_acks_late
    assert not celeryconfig.broker_transport_options["ack_emulation"]  # the ledger sends again
    assert celeryconfig.accept_content == ["json"]


def test_the_folders_of_the_layout_are_there() -> None:
    for name in ("workers", "web", "tasks", "tests", ".github"):
        assert (ROOT / name).is_dir()
    for name in ("docker-compose.yml", "celeryconfig.py", "pyproject.toml", "README.md"):
        assert (ROOT / name).is_file()


def test_links_between_documents_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), (page, target)


def _readme() -> str:
    return (ROOT / "README.md").read_text("utf-8")


def test_the_index_of_decisions_has_each_of_them_once() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(
        r"^\| \[\d+\]\((.+?)\) \| \S", (folder / "README.md").read_text("utf-8"), re.MULTILINE
    )

    assert listed == sorted(page.name for page in folder.glob("0*.md"))


def test_a_decision_has_the_title_that_the_index_gives_it() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(
        r"^\| \[(\d+)\]\((.+?)\) \| (.+) \|$",
        (folder / "README.md").read_text("utf-8"),
        re.MULTILINE,
    )

    for number, page, title in listed:
        heading = (folder / page).read_text("utf-8").partition("\n")[0]
        assert heading == f"# {number}. {title}"
