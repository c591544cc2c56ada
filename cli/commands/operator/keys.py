"""`quern keys`: who may ask, and for whom; for those who run the installation, on its machine."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import click
from redis import Redis
from rich.text import Text

from access.grants import SCOPES, Grant, Limits, Scope
from access.keys import TENANT, ApiKeys, KeyRow
from access.spending import spent
from cli.session import Session, pass_session
from cli.tables import plain_table
from cli.words import age
from protocol.names import DEFAULT_TENANT
from protocol.timestamps import rfc3339
from rag.errors import Broken, InvalidRequest
from runtime.redis_clients import ledger_client
from stack.queue_redis import queue_redis, redis_answers

_DAY_S = 86_400


@click.group()
def keys() -> None:
    """
    Make, list and revoke the keys of callers.

    A key belongs to a tenant: it sees that tenant's collections, jobs and webhooks, and no others.
    Keys are asked for where QUERN_HOST is not a loopback address, or with QUERN_KEYS=on. These
    commands work on the installation of this machine, whether it runs or not.
    """


@keys.command()
@click.argument("name")
@click.option("--tenant", default=DEFAULT_TENANT, show_default=True, help="Whose the key is.")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), default=("ask", "ingest"),
    show_default=True, help="What it is for; repeatable. `admin` deletes and remakes collections.",
)  # fmt: skip
@click.option("--collection", "-c", "collections", multiple=True, help="Only this; repeatable.")
@click.option("--expires-in-days", type=click.IntRange(1, 3_650), help="Good for so long.")
@click.option("--requests-per-minute", type=click.IntRange(1, 1_000_000))
@click.option("--questions-per-day", type=click.IntRange(0), help="Questions and searches.")
@click.option("--documents-per-day", type=click.IntRange(0))
@click.option("--tokens-per-day", type=click.IntRange(0), help="Of prompts and answers.")
@pass_session
def create(
    session: Session,
    *,
    name: str,
    tenant: str,
    scopes: Sequence[Scope],
    collections: Sequence[str],
    expires_in_days: int | None,
    **limits: int | None,
) -> None:
    """Make a key, called NAME by people; prints it, once."""
    if not TENANT.fullmatch(tenant):
        raise InvalidRequest(
            "--tenant", "must be 1 to 32 small letters, digits or dashes, a letter or digit first"
        )
    grant = Grant(
        tenant=tenant,
        scopes=frozenset(scopes),
        collections=frozenset(collections) if collections else None,
        limits=Limits(**limits),
    )
    lasts_s = None if expires_in_days is None else expires_in_days * _DAY_S
    with _redis(session) as redis:
        _, token = ApiKeys(redis).create(grant, name=name, expires_in_s=lasts_s)
    session.out.print(Text(token), soft_wrap=True)
    session.remarks.print("The key is not shown again.", style="dim")


@keys.command(name="list")
@pass_session
def list_keys(session: Session) -> None:
    """List the keys, and what they spent today."""
    with _redis(session) as redis:
        rows = ApiKeys(redis).all()
        today = {key_id: told["today"] for key_id, told in spent(redis, _ids(rows)).items()}
    table = plain_table(
        "Key", "Name", "Tenant", "Scopes", "Collections", "Age", "Last used", "Expires",
        "Questions today", "Documents", "Tokens",
    )  # fmt: skip
    for row in rows:
        grant, counts = row.grant, today[row.key_id]
        table.add_row(
            row.key_id,
            Text(row.name),
            grant.tenant,
            " ".join(grant.scopes_in_order),
            Text("all" if grant.collections is None else " ".join(sorted(grant.collections))),
            _ago(row.created_us),
            _ago(row.used_us),
            "never" if row.expires_us is None else rfc3339(row.expires_us)[:10],
            *(
                _of(counts[what], most)
                for what, most in (
                    ("questions", grant.limits.questions_per_day),
                    ("documents", grant.limits.documents_per_day),
                    ("tokens", grant.limits.tokens_per_day),
                )
            ),
        )
    session.out.print(table if table.rows else "No keys.")


@keys.command()
@click.argument("key_id", metavar="KEY")
@pass_session
def revoke(session: Session, *, key_id: str) -> None:
    """Make KEY worthless from now on, by its id as `quern keys list` shows it."""
    with _redis(session) as redis:
        if not ApiKeys(redis).revoke(key_id):
            raise Broken(f"there is no key {key_id!r}; see: quern keys list")
    session.out.print("Revoked.")


@contextmanager
def _redis(session: Session) -> Iterator[Redis]:
    """Open the queue Redis of this machine's installation."""
    with (
        redis_answers(),
        queue_redis(session.settings) as url,
        closing(ledger_client(url)) as redis,
    ):
        yield redis


def _ids(rows: Sequence[KeyRow]) -> list[str]:
    """Return the ids of keys."""
    return [row.key_id for row in rows]


def _ago(at_us: int | None) -> str:
    """Say how long ago something was."""
    return "never" if at_us is None else age(rfc3339(at_us))


def _of(count: int, most: int | None) -> str:
    """Say how much was spent, and of how much."""
    return f"{count:,}" if most is None else f"{count:,} of {most:,}"
