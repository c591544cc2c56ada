"""
Flower by itself: `python -m tasks.flower_server [OPTION]...`, with Flower's own options.

`celery flower` is the same with every other command of Celery imported, and all our tasks with what
they compute with: 19 MB of memory and a fifth of its processor time until it serves, for nothing
that it shows.
"""

import sys

import click
from celery.bin.base import CLIContext
from flower.command import flower

from tasks.app import app


def main() -> None:
    """Run Flower until it is told to stop."""
    # Tasks are known to it from their events, by name.
    app.conf.include = ()
    celery = click.Group("celery", commands={"flower": flower})
    celery(["flower", *sys.argv[1:]], obj=CLIContext(app, no_color=True, workdir=None, quiet=False))


if __name__ == "__main__":
    main()
