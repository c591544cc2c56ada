"""Every kind of key has an owner, and a key whose owner is gone is found."""

from collections.abc import Iterator

import pytest

from chaos.checks.redis_keys import OWNERS, kinds_of, stray_keys
from protocol.keys import TEMPLATES, key


class Keys:
    """What the walk asks of Redis, of a dict: each key with the seconds that it lives, or -1."""

    def __init__(self, **lives: int) -> None:
        self.lives = lives

    def scan_iter(self, **_: object) -> Iterator[str]:
        return iter(self.lives)

    def ttl(self, name: str) -> int:
        return self.lives[name]

    def exists(self, name: str) -> bool:
        return name in self.lives

    def hvals(self, name: str) -> list[str]:
        assert name == key("collections")
        return ["c1"]

    def zrange(self, name: str, *_: int) -> list[str]:
        return {
            key("graves"): ["deleted"],
            key("webhooks"): ["w1"],
            key("api_keys"): ["0f"],
        }[name]


def stray(name: str, ttl_s: int = -1) -> list[str]:
    return stray_keys(Keys(**{name: ttl_s}))  # type: ignore[arg-type]  # a part of a client


def test_every_key_of_the_protocol_has_an_owner() -> None:
    """A new key: say in `chaos.checks.redis_keys` whose it is, and so when it must be gone."""
    assert OWNERS.keys() == TEMPLATES.keys()


@pytest.mark.parametrize("kind", TEMPLATES)
def test_a_key_is_known_by_its_template(kind: str) -> None:
    parts = tuple(f"a{number}" for number in range(TEMPLATES[kind].count("%s")))
    assert dict(kinds_of(key(kind, *parts)))[kind] == parts


def test_an_id_may_have_colons() -> None:
    assert ("lane", ("embed", "job:7")) in kinds_of(key("lane", "embed", "job:7"))


@pytest.mark.parametrize(
    "name",
    [
        key("unit", "u"),  # ended, and never forgotten
        key("events", "u"),
        key("idempotency", "k"),
        key("worker", "retrieval/host/1/a"),
        key("current", "c2"),  # of a collection that is not there
        key("pace", "dance"),  # of a role that is none
        key("delivery", "w2/m"),  # of an endpoint that is not there
        key("api_key", "1e"),  # revoked
        key("spent", "1e", "all"),
        key("open", "j"),
        key("lane", "retrieve", "interactive"),
        "quern:forgotten",
        "elsewhere",
        "quern:celery:retrieve",  # messages that nobody took
    ],
)
def test_a_key_without_end_and_owner_is_found(name: str) -> None:
    [found] = stray(name)
    assert found.startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("name", "ttl_s"),
    [
        (key("unit", "u"), 60),
        (key("worker", "retrieval/host/1/a"), 0),
        (key("jobs"), -1),
        (key("current", "c1"), -1),
        (key("log", "deleted"), -1),  # the garbage collector is about to clear it
        (key("window", "embed"), -1),
        (key("delivery", "w1/m"), -1),
        (key("api_key", "0f"), -1),
        (key("spent", "0f", "all"), -1),
        ("quern:celery:_kombu.binding.celery.pidbox", -1),
        ("quern:celery:_kombu.binding_permanent.retrieve", -1),
        ("quern:celery:reply", 5),
    ],
)
def test_a_key_that_ends_or_belongs_to_what_lives_is_no_stray(name: str, ttl_s: int) -> None:
    assert stray(name, ttl_s) == []


def test_open_work_is_stray_though_it_expires() -> None:
    assert stray(key("claim", "u"), 8)
