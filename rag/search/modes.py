"""Which retrievers a search asks."""

from typing import Literal

Mode = Literal["hybrid", "dense", "sparse"]
