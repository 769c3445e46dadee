"""What a user writes in braces, and what an alert has for it."""

import pytest

from alerts.model import Alert
from enrich._base import NoAnswer
from enrich._placeholders import PlaceholderError, read_template
from tests.enrich.lookup import NOW

LABELS = {"pod": 'cart"1', "items": "i", "odd-name": "o", "number": "5", "empty": ""}
ALERT = Alert(LABELS, {"where": "w"}, "firing", NOW, None, "", "0")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ labels.pod }}", 'cart"1'),
        ("{{labels['odd-name']}}", "o"),
        ("{{- annotations.where -}}", "w"),
        # A mapping's methods are no labels, nor in the way of one.
        ("{{ labels.items }}", "i"),
        ("{{ labels.pod.split('\"')[0] | upper }}", "CART"),
        ("{{ labels.nowhere | default(labels.pod) }}", 'cart"1'),
        ("{{ labels.number | int * 2 }}", "10"),
        ("{{ '}}' }}", "}}"),
        ("{{ labels.nowhere }}", None),
        ("{{ labels.keys }}", None),
        ("{{ labels.empty }}", None),
        ("{{ labels.pod.split(':')[1] }}", None),
        ("{{ '' }}", None),
    ],
)
def test_has_the_value(source: str, expected: str | None) -> None:
    """What the expression is worth for the alert; None where it has no such label."""
    assert (None if expected is None else (expected,)) == read_template(source).values(ALERT)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ 1 / 0 }}", "{{ 1 / 0 }} failed: ZeroDivisionError: division by zero"),
        ("{{ labels.pod + 1 }}", "{{ labels.pod + 1 }} failed: TypeError"),
        ("{{ labels.__class__.__mro__ }}", "{{ labels.__class__.__mro__ }} failed: SecurityError"),
        ("{{ labels }}", "{{ labels }} is no text"),
        ("{{ labels.pod.upper }}", "{{ labels.pod.upper }} is no text"),
    ],
)
def test_says_which_failed(source: str, reason: str) -> None:
    """In a gap, with what stands in the file."""
    with pytest.raises(NoAnswer) as caught:
        read_template(source).values(ALERT)
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a {{ label.pod }}", "{{ label.pod }}: there are labels and annotations, and no label"),
        ("{{ labels.pod | uper }}", "{{ labels.pod | uper }}: No filter named 'uper'."),
        ("{{ labels.pod", "{{ labels.pod: does not end"),
        ("{{ }}", "{{ }}: Expected an expression"),
        ("{{ $labels.pod }}", "{{ : unexpected char '$'"),
        ("{% if labels.pod %}", "takes values, as in {{ labels.pod }}, and no {% %}"),
        ("{# why #}", "takes values, as in {{ labels.pod }}, and no {# #}"),
        ("{% raw %}{{ labels.pod }}{% endraw %}", "takes values, as in {{ labels.pod }}, and no {% raw %}"),
    ],
)
def test_refuses_what_is_none(text: str, reason: str) -> None:
    """With what it is, and why."""
    with pytest.raises(PlaceholderError) as caught:
        read_template(text)
    assert str(caught.value).startswith(reason)


def test_marks_each_expression() -> None:
    """The same with the same mark, which the text does not have; marks tell where the placeholders are."""
    template = read_template('placeholder0z{a="{{ labels.a }}",b="{{ labels.b }}-{{labels.a}}"}')
    assert ("{{ labels.a }}", "{{ labels.b }}") == template.sources
    parts = ['placeholder0z{a="', 0, '",b="', 1, "-", 0, '"}']
    assert parts == list(template.split(template.text))
    assert [17, "x", 1] == list(template.split(f"{template.mark(17)}x{template.mark(1)}"))
