"""`quern webhooks`: who hears of every job that ends, and what was sent to whom."""

import click
from rich.text import Text

from cli.session import Session, json_option, pass_session
from cli.tables import plain_table
from cli.words import age, duration

PATH = "/api/webhooks"
_STYLES = {"active": "green", "delivered": "green", "disabled": "red", "given_up": "red"}


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def webhooks(ctx: click.Context, *, as_json: bool) -> None:
    """List webhooks, which hear of every job that ends; see the commands to change them."""
    if ctx.invoked_subcommand is not None:
        return
    session: Session = ctx.ensure_object(Session)
    with session.client() as client:
        response = client.get(PATH)
    if as_json:
        click.echo(response.text)
        return
    table = plain_table("Webhook", "State", "Age", "URL")
    for shown in response.json()["webhooks"]:
        state = Text(shown["state"], _STYLES[shown["state"]])
        table.add_row(shown["id"], state, age(shown["created_at"]), Text(shown["url"]))
    session.out.print(table if table.rows else "No webhooks.")


@webhooks.command()
@click.argument("url")
@click.option("--openai", is_flag=True, help="Of batches and responses alone, as OpenAI does.")
@pass_session
def add(session: Session, *, url: str, openai: bool) -> None:
    """Tell URL of every job that ends from now on; prints the secret, once."""
    form = {"form": "openai"} if openai else {}
    with session.client() as client:
        shown = client.post(PATH, {"url": url} | form).json()
    session.out.print(Text(f"Webhook {shown['id']}"))
    session.out.print(Text(f"Secret  {shown['secret']}"), soft_wrap=True)
    session.remarks.print("The secret verifies signatures and is not shown again.", style="dim")


@webhooks.command()
@click.argument("webhook")
@pass_session
def remove(session: Session, *, webhook: str) -> None:
    """Forget WEBHOOK; what is due to it is not sent."""
    with session.client() as client:
        client.delete(f"{PATH}/{webhook}")
    session.out.print("Removed.")


@webhooks.command()
@click.argument("webhook")
@pass_session
def test(session: Session, *, webhook: str) -> None:
    """Send a `webhook.test` to WEBHOOK; one that takes it is active again."""
    with session.client() as client:
        message = client.post(f"{PATH}/{webhook}/test").json()["message_id"]
    session.out.print(Text(f"Message {message}; see: quern webhooks deliveries {webhook}"))


@webhooks.command()
@click.argument("webhook")
@json_option
@pass_session
def deliveries(session: Session, *, webhook: str, as_json: bool) -> None:
    """List what was sent to WEBHOOK last; `jobs`: to the URLs that jobs named."""
    with session.client() as client:
        response = client.get(f"{PATH}/{webhook}/deliveries")
    if as_json:
        click.echo(response.text)
        return
    table = plain_table("Message", "Type", "State", "Tries", "Answer", "Age", "Took")
    for shown in response.json()["deliveries"]:
        answer = shown["error"] or shown["status"]
        table.add_row(
            shown["message_id"], shown["type"],
            Text(shown["state"], _STYLES.get(shown["state"], "yellow")), str(shown["tries"]),
            Text(str(answer or "")), age(shown["tried_at"]), duration(shown["took_ms"]),
        )  # fmt: skip
    session.out.print(table if table.rows else "Nothing was sent.")


@webhooks.command()
@click.argument("webhook")
@click.argument("message")
@pass_session
def replay(session: Session, *, webhook: str, message: str) -> None:
    """Send MESSAGE to WEBHOOK once more, with the same id."""
    with session.client() as client:
        client.post(f"{PATH}/{webhook}/deliveries/{message}/replay")
    session.out.print("It will be sent.")
