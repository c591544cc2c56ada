"""Which legs a search asks."""

from typing import Literal

Mode = Literal["hybrid", "dense", "sparse"]
