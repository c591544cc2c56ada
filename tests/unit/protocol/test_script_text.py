"""Scripts get what they use of the prelude, transitively and in its order, and nothing else."""

from importlib import resources

import pytest

from protocol.script_text import PreludeError, definitions, uses, with_prelude

PRELUDE = """\
-- Says what stands here; double(1) is no use of it.

local LIMIT = 3
local FAST, SLOW = 'fast', 'slow'
local NAMES = {
  first = LIMIT,
  ['second'] = 2,
}
local RARE = {'a', 'b',
  'c'}

local function double(n) return n * 2 end

-- Its reason.
local function twice(n)
  if n > LIMIT then
    return double(n)  -- not slow()
  end

  return 'unused(n) -- [[ end'
end  -- of it

local function unused(n)
  while n > 0 do n = n - 1 end
  repeat n = n + 1 until n > 9
  return n .. NAMES.first
end

local K = {}
function K.lane(a0) return 'lane:' .. a0 end
function K.jobs() return 'jobs' end
K.WAKE = 'wake'
"""


def kept(script: str, prelude: str = PRELUDE) -> list[str]:
    text = with_prelude(definitions(prelude), script)
    assert text.endswith(script)
    return [
        name
        for one in definitions(prelude)
        for name in one.names
        if one.text in text.removesuffix(script)
    ]


def test_a_prelude_is_taken_apart_into_all_that_it_defines() -> None:
    found = definitions(PRELUDE)

    assert [one.names for one in found] == [
        ("LIMIT",), ("FAST", "SLOW"), ("NAMES",), ("RARE",), ("double",), ("twice",), ("unused",),
        ("K",), ("K.lane",), ("K.jobs",), ("K.WAKE",),
    ]  # fmt: skip
    lines = [line for line in PRELUDE.splitlines() if line and not line.startswith("--")]
    assert [line for one in found for line in one.text.splitlines() if line] == lines


def test_a_script_has_what_it_uses_and_what_that_uses_in_the_order_of_the_prelude() -> None:
    text = with_prelude(definitions(PRELUDE), "return twice(5)\n")

    assert kept("return twice(5)") == ["LIMIT", "double", "twice"]
    assert text.index("LIMIT = 3") < text.index("function double") < text.index("function twice")
    assert kept("return 1") == []
    assert kept("return SLOW") == ["FAST", "SLOW"]
    assert kept("return unused(2)") == ["LIMIT", "NAMES", "unused"]


@pytest.mark.parametrize(
    "script",
    [
        "-- double(1)\nreturn 1",
        "--[[ double(1)\ndouble(2) ]] return 1",
        "--[==[ double(1) ]] double(2) ]==] return 1",
        'return \'double(1)\' .. "double(2) \\" double(3)" .. [[ double(4) ]]',
        "return u.double",
        "return u:double(1)",
        "return u . double",
        "return doubled + xdouble + double_",
    ],
)
def test_what_only_looks_like_a_use_brings_nothing_along(script: str) -> None:
    assert kept(script) == []


@pytest.mark.parametrize(
    "script",
    [
        "return double(1)",
        "return double (1)",
        "return x..double(1)",
        "return 1 ..double(1)",
        "return {double}",
        "return {f = double}",
        "return -double(1)",
        "return '--' .. double(1)",
        "return '\\'' .. double(1) .. '\\''",
        'return "\'" .. double(1) .. "\'"',
        "return [[ -- ]] .. double(1)",
        "--[[ over ]] return double(1)",
        "-- [[ one line\nreturn double(1) -- ]]",
        "---[[ one line\nreturn double(1)",
        "local double = double",
        "return a[double(1)]",
    ],
)
def test_no_comment_or_string_hides_a_use(script: str) -> None:
    assert kept(script) == ["double"]


def test_a_table_has_the_fields_that_are_used_by_name() -> None:
    assert kept("return K.lane('a')") == ["K", "K.lane"]
    assert kept("return {K.WAKE, K . jobs()}") == ["K", "K.jobs", "K.WAKE"]
    assert kept("return NAMES['second']") == ["LIMIT", "NAMES"]


@pytest.mark.parametrize("script", ["return K", "return K['lane']('a')", "return f(K)", "K = 1"])
def test_a_table_of_fields_that_is_used_otherwise_is_refused(script: str) -> None:
    with pytest.raises(PreludeError, match="K"):
        kept(script)


def test_a_field_that_the_prelude_lacks_is_refused() -> None:
    with pytest.raises(PreludeError, match=r"K\.line"):
        kept("return K.line('a')")
    with pytest.raises(PreludeError, match=r"K\.line"):
        kept("return lane()", "local K = {}\nK.a = 1\nlocal function lane() return K.line end\n")


@pytest.mark.parametrize(
    "wrong",
    [
        "print(1)\n",
        "x = 1\n",
        "  local x = 1\n",
        "function f() return 1 end\n",
        "local x\n",
        "local x=1\n",
        "do\n  local x = 1\nend\n",
        "local function f()\n  return 1\n",
        "local function f()\n  return 1\nlocal x = 1\n",
        "local function f()\nreturn 1\nend\n",
        "local x = {\n  1,\n",
        "local x = {\n  1,\nlocal y = 2\n",
        "local x = 1\nlocal x = 2\n",
        "local function x() return 1 end\nlocal y, x = 1, 2\n",
        "--[[ two\nlines ]]\n",
        "local x = 'open\n",
        "local x = 1 ! 2\n",
        "return 1\n",
        "end\n",
    ],
)
def test_a_prelude_that_cannot_be_taken_apart_is_refused(wrong: str) -> None:
    assert definitions("local function good() return 1 end\n")
    with pytest.raises(PreludeError):
        definitions("local function good() return 1 end\n" + wrong)


def test_a_script_that_is_no_lua_is_refused() -> None:
    with pytest.raises(PreludeError, match="no Lua"):
        uses("return 'open\n")


def test_the_scripts_prelude_is_told_apart_to_its_last_line() -> None:
    text = resources.files("protocol.lua").joinpath("_ledger.lua").read_text("utf-8")
    found = definitions(text)
    names = [name for one in found for name in one.names]

    assert "".join(one.text for one in found).count("\nend") == text.count("\nend")
    assert names[:2] == ["now_us", "NOW"]
    assert text.count("local function") - text.count("  local function") == sum(
        one.text.startswith("local function") for one in found
    )
