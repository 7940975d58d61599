"""Members that ride along."""

from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.extras import NOTE
from ccproxy_cli.core.formats._openai.members import dotted, inner_of, note, outer_of

NAMES = st.from_regex("[a-z_]{1,8}", fullmatch=True)
MEMBERS = st.dictionaries(NAMES, st.integers())


@given(MEMBERS, MEMBERS, MEMBERS, st.lists(NAMES))
def test_members_of_inner_objects_come_out_of_the_object_they_stood_in(
    outer: dict[str, int], one: dict[str, int], other: dict[str, int], notes: list[str]
) -> None:
    together = outer | dotted("one", one) | dotted("other", other) | note(*(NOTE + name for name in notes))
    assert inner_of(together, "one") == one
    assert inner_of(together, "other") == other
    assert outer_of(together, ("one", "other")) == outer
    assert outer_of(together, ()) == outer | dotted("one", one) | dotted("other", other)
