"""Methods that are made of flows, and look as if they had been written out."""

import inspect
from collections.abc import Callable
from functools import update_wrapper
from typing import Any, TypeVar, get_args

M = TypeVar("M", bound=Callable[..., Any])


def like(flow: Callable[..., Any], method: M) -> M:
    """Return *method*, which runs *flow*, with its name, words and parameters for `help`."""
    update_wrapper(method, flow, assigned=("__name__", "__doc__"), updated=())
    own = inspect.signature(flow)
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    # A flow is a generator: what comes of it is the third of its types.
    *_, result = get_args(own.return_annotation)
    vars(method)["__signature__"] = own.replace(
        parameters=[itself, *own.parameters.values()], return_annotation=result
    )
    return method
