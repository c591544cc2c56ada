"""The base of every task: a shell that runs a body under a lease."""

from typing import Any

from celery import Task

from runtime.logging.correlation import bound
from tasks.resources import Resources


class QuernTask(Task[Any, Any]):
    """A task with the resources of the worker that runs it."""

    abstract = True

    @property
    def resources(self) -> Resources:
        """Return what the worker put on the app before it took its first task."""
        resources: Resources = self.app.resources  # type: ignore[attr-defined]  # put there by the worker
        return resources

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the body; its lines carry the id of the message."""
        with bound(task_id=self.request.id):
            return self.run(*args, **kwargs)
