"""The kinds of problems that are described are those that are answered."""

import re
from pathlib import Path

from web.openapi.refusals import REFUSALS

WEB = Path(__file__).parents[4] / "web"


def test_every_kind_of_problem_is_described_and_none_is_invented() -> None:
    sources = [path.read_text("utf-8") for path in WEB.rglob("*.py") if "openapi" not in path.parts]
    usual = dict(re.findall(r'^    (\d{3}): "([a-z-]+)",$', "\n".join(sources), re.MULTILINE))
    own = set(re.findall(r'kind="([a-z-]+)"', "\n".join(sources)))
    described = {kind for refusal in REFUSALS.values() for kind in refusal.kinds}

    # Those two may be met on any path, before it is known which: no call names them.
    assert described == (set(usual.values()) | own) - {"method-not-allowed", "too-slow"}
    for status, refusal in REFUSALS.items():
        assert usual[str(status)] in refusal.kinds
