"""What every task is: a shell that runs a body under a lease."""

from typing import Any

from celery import Task

from tasks.resources import Resources


class QuernTask(Task[Any, Any]):
    """A task with the resources of the worker that runs it."""

    abstract = True

    @property
    def resources(self) -> Resources:
        """Return what the worker put on the app before it took its first task."""
        resources: Resources = self.app.resources  # type: ignore[attr-defined]  # put there by the worker
        return resources
