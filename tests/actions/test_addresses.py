"""Addresses: what is one, and what is refused and why."""

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions._addresses import Mailbox, mailboxes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@example.com", [("", "a@example.com")]),
        (" a@example.com ,, b.c+d@sub.example.com, ", [("", "a@example.com"), ("", "b.c+d@sub.example.com")]),
        ("On Call <a@example.com>", [("On Call", "a@example.com")]),
        ('"Call, On \\"now\\"" <a@example.com>,b@x', [('Call, On "now"', "a@example.com"), ("", "b@x")]),
        ("A@Example.COM", [("", "A@example.com")]),
        ("a@[192.0.2.1]", [("", "a@[192.0.2.1]")]),
        ("a@Bücher.example", [("", "a@xn--bcher-kva.example")]),
        ("a@x, A <a@x>, b@x, a@x", [("", "a@x"), ("", "b@x")]),
    ],
)
def test_reads_addresses(text: str, expected: list[tuple[str, str]]) -> None:
    """Several with commas, each once, with names where they have them."""
    assert expected == [(each.name, each.address) for each in mailboxes(text)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no address"),
        ("nobody", "'nobody' is no address"),
        ("@example.com", "is no address"),
        ("a@", "is no address"),
        ("a b@example.com", "is no address"),
        ("a..b@example.com", "is no address"),
        ("a@b@example.com", "is no address"),
        ("<a@x> <b@x>", "is no address"),
        ("a@x b@x", "is no address"),
        ("a@-x.com", "has no domain behind the @"),
        ("a@x..com", "has no domain behind the @"),
        (f"a@{'x' * 64}.com", "has no domain behind the @"),
        (f"{'a' * 65}@x", "is no address"),
        (f"a@{'x.' * 130}com", "longer than 254"),
        ("é@example.com", "other letters than ASCII's"),
        ('"open <a@x>', "has a quote that does not end"),
        ("a@x\r\nBcc: b@x", "is no address"),
        ("A\x00 <a@x>", "has a name that cannot be printed"),
        ("A\r\nBcc: b@x <a@x>", "has a name that cannot be printed"),
        ("group: a@x;", "is no address"),
        ("a@x," * 10_000, "more than 20000 characters"),
    ],
)
def test_refuses_what_is_none(text: str, message: str) -> None:
    """And names the part that is not, cut."""
    with pytest.raises(ValueError, match=message) as raised:
        mailboxes(text)
    assert len(str(raised.value)) < 200


@given(st.text(st.sampled_from('a@x.,;:<>"\\ ()[]\r\n\0é'), max_size=200))
def test_whatever_is_read_can_be_a_command(text: str) -> None:
    """No address ends an SMTP command early or begins another."""
    try:
        found = mailboxes(text)
    except ValueError:
        return
    for each in found:
        assert each.address.isascii()
        assert not set(each.address) & set(' \r\n\0<>,"')
        assert each.name.isprintable()
        assert each == Mailbox(each.name, each.address)


@pytest.mark.parametrize("text", ['"' * 20_000, "<" * 20_000, '\\"' * 10_000, "a@x," * 5_000, ". " * 10_000])
def test_reads_hostile_text_soon(text: str) -> None:
    """No text has it look for long."""
    before = time.process_time()
    with suppress(ValueError):
        mailboxes(text)
    assert time.process_time() - before < 2
