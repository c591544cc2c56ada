"""Keys: one place builds them for Python and Lua, and no two kinds can meet."""

import re
from importlib import resources
from pathlib import Path

import pytest

from protocol.keys import CELERY_PREFIX, PREFIX, TEMPLATES, key, lua_prelude


def script_texts() -> dict[str, str]:
    return {
        entry.name: entry.read_text("utf-8")
        for entry in resources.files("protocol.lua").iterdir()
        if entry.name.endswith(".lua")
    }


def test_a_key_is_built_from_its_parts() -> None:
    assert key("lane", "retrieve", "interactive") == "quern:lane:retrieve:interactive"
    assert key("watch") == "quern:watch"


def test_a_missing_or_spare_part_is_refused() -> None:
    with pytest.raises(TypeError):
        key("lane", "retrieve")
    with pytest.raises(TypeError):
        key("watch", "x")


def test_no_two_kinds_of_keys_share_a_beginning() -> None:
    firsts = [template.split(":")[0] for template in TEMPLATES.values()]

    assert len(firsts) == len(set(firsts))
    assert CELERY_PREFIX.startswith(PREFIX)
    assert CELERY_PREFIX.removeprefix(PREFIX).rstrip(":") not in firsts


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_lua_builds_the_same_key(name: str) -> None:
    parts = [f"part{n}" for n in range(TEMPLATES[name].count("%s"))]
    match = re.search(
        rf"^function K\.{name}\((.*?)\) return (.*) end$", lua_prelude(), re.MULTILINE
    )
    assert match is not None
    arguments = [a for a in match[1].split(", ") if a]
    built = match[2]
    for argument, part in zip(arguments, parts, strict=True):
        built = re.sub(rf"\b{argument}\b", f"'{part}'", built)

    assert built.replace("' .. '", "").strip("'") == key(name, *parts)


def test_no_script_spells_a_key_or_names_an_unknown_one() -> None:
    known = {*TEMPLATES, "WAKE", "CANCEL"}
    for name, text in script_texts().items():
        assert PREFIX not in text, name
        assert set(re.findall(r"\bK\.(\w+)", text)) <= known, name


def test_every_kind_of_key_is_used() -> None:
    texts = "".join(script_texts().values())
    texts += "".join(
        entry.read_text("utf-8")
        for folder in (
            "access",
            "jobs",
            "corpus",
            "intake",
            "adapters",
            "workers",
            "web",
            "stack",
            "cli",
        )
        for entry in Path(str(resources.files(folder))).rglob("*.py")
    )

    unused = [n for n in TEMPLATES if f"K.{n}(" not in texts and f'key("{n}"' not in texts]
    assert unused == []
