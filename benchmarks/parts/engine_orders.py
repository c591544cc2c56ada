"""Where orders to the engine's host, and its answers, are put; known to both processes."""

from typing import Final

ORDERS: Final = "benchmark:orders"
ANSWERS: Final = "benchmark:answers"
