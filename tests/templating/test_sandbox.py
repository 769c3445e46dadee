"""Whatever a template does, it ends soon, with a text or with an error of our own."""

from typing import Any

import pytest

from templating import Labels, Template, TemplateError

CONTEXT: dict[str, Any] = {"labels": Labels({"alertname": "A", "_pairs": "b"}), "x": "text", "status": "firing"}
LOOPS = "{% for a in range(20000) %}{% for b in range(20000) %}"
DOUBLING = "{% set ns = namespace(x=START) %}{% for i in range(100) %}{% set ns.x = STEP %}{% endfor %}{{ ns.x }}"
TOO_MUCH = [
    "{{ '%999999999d'|format(1) }}",
    "{{ '%999999999d' % 1 }}",
    "{{ '%*d' % (10**9, 1) }}",
    "{{ '%(a)999999999s' % {'a': 1} }}",
    "{{ 'x' * 10**9 }}",
    "{{ [1] * 10**9 }}",
    "{{ range(10**9)|list }}",
    "{% for i in range(10**9) %}x{% endfor %}",
    "{{ 'x'|center(10**9) }}",
    "{{ 'x'|indent(10**9) }}",
    "{{ 'x'|replace('', 'y' * 200000) }}",
    "{{ ('a' * 1000)|replace('a', 'b' * 100000) }}",
    "{{ ('x' * 100000)|re_replace('x', 'y' * 1000) }}",
    "{{ printf('%1000000000d', 1) }}",
    "{{ printf('%.1000000000f', 1.5) }}",
    "{{ printf('%*d', 1, 2) }}",
    "{{ 10**10**2**9 }}",
    f"{LOOPS}{{% endfor %}}{{% endfor %}}",
    f"{LOOPS}{{{{ x }}}}{{% endfor %}}{{% endfor %}}".replace("{{ x }}", ""),
    f"{{% set q %}}{LOOPS}yyy{{% endfor %}}{{% endfor %}}{{% endset %}}",
    f"{{% filter upper %}}{LOOPS}{{{{ x }}}}{{% endfor %}}{{% endfor %}}{{% endfilter %}}",
    "{% macro f() %}{% for i in range(20000) %}" + "y" * 5_000 + "{% endfor %}{% endmacro %}{{ f() }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(35) }}",
    "{% block x %}{{ self.x() }}{% endblock %}",
    "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    DOUBLING.replace("START", "'x'").replace("STEP", "ns.x ~ ns.x"),
    DOUBLING.replace("START", "'x'").replace("STEP", "ns.x + ns.x"),
    DOUBLING.replace("START", "[1]").replace("STEP", "[ns.x, ns.x]"),
    DOUBLING.replace("START", "[1]").replace("STEP", "ns.x + ns.x"),
    DOUBLING.replace("START", "{}").replace("STEP", "dict(a=ns.x, b=ns.x)"),
    DOUBLING.replace("START", "10").replace("STEP", "ns.x * ns.x"),
    "{% for i in range(20000) %}{{ ('x' * 100000)|upper|length }}{% endfor %}",
    "{% for i in range(20000) %}{% if 19999.5 in range(20000) %}{% endif %}{% endfor %}",
    "{{ (['x' * 100000] * 1000)|join }}",
    "{{ range(20000)|map('center', 1000)|join|length }}",
]
FORBIDDEN = [
    "{{ ''.__class__.__mro__ }}",
    "{{ labels.__init__.__globals__ }}",
    "{{ labels._pairs }}",
    "{{ labels.get.__func__ }}",
    "{{ (1).to_bytes(10**9, 'big') }}",
    "{{ 'x'.center(10**9) }}",
    "{{ '{:999999999}'.format(1) }}",
    "{{ 'a'.format_map({}) }}",
    "{{ now().strftime('%999999999d') }}",
    "{{ [].append(1) }}",
    "{{ labels|attr('_pairs') }}",
    "{{ lipsum(10) }}",
    "{{ cycler }}",
    "{{ labels.get }}",
    "{% include '/etc/passwd' %}",
    "{% import 'x' as y %}",
    "{% do 1 %}",
]
DEEP = [
    "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "{{ " + "[" * 3_000 + "]" * 3_000 + " }}",
    "{{ " + "not " * 5_000 + "x }}",
    "{% if 1 %}" * 2_000 + "{% endif %}" * 2_000,
    "{{ x" + ".a" * 5_000 + " }}",
    "{{ x" + "|upper" * 20_000 + " }}",
    "{{ $x" + " | len" * 20_000 + " }}",
    "{{ if .Status }}" * 2_000 + "{{ end }}" * 2_000,
    "{{ " + "(" * 5_000 + ".Status" + ")" * 5_000 + " }}",
    "x" * 200_001,
]


@pytest.mark.parametrize("source", [*TOO_MUCH, *FORBIDDEN], ids=lambda each: each[:40])
def test_refuses_what_is_too_much(source: str) -> None:
    """With the line, in words of our own."""
    with pytest.raises(TemplateError) as caught:
        Template(f"\n{source}").render(CONTEXT)
    assert caught.value.line in (0, 2)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("source", DEEP, ids=lambda each: each[:20])
def test_refuses_what_is_too_deep_or_long(source: str) -> None:
    """When it is read."""
    with pytest.raises(TemplateError):
        Template(source).render(CONTEXT)


def test_cuts_what_is_too_long_to_be_told() -> None:
    """A group of thousands is told as far as it goes, and no more of it is rendered."""
    source = "{% for i in range(20000) %}" + "y" * 500 + "{% endfor %}"

    assert "y" * 200_000 == Template(source).render({})


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("a\n{{ statu }}", "line 2: there is no 'statu' here; did you mean status?"),
        ("{{ labels.alertname.foo }}", "line 1: there is no 'foo' in a value of the kind str"),
        ("{{ 1 / 0 }}", "line 1: divides by zero"),
        ("{% if x %}", "line 1: Unexpected end of template."),
        ("{{ x | foo }}", "line 1: No filter named 'foo'."),
        ("{{ x + 1 }}", "line 1: can only concatenate str"),
        ("{{ x|int('a', 'b', 'c') }}", "line 1: do_int() takes"),
        ("{{ 'x'|re_replace('(', '') }}", "line 1: has a regular expression that RE2 does not take"),
        ("{{ now()|tz('Mars/Olympus') }}", "line 1: knows no time zone of that name"),
        ("{{ now()|date('%Q') }}", "line 1: has a date with a % that is not known"),
        ("{{ 'x!'|base64_decode }}", "line 1: has no base64"),
        ("{{ labels|items|first|items }}", "line 1: fails (AttributeError)"),
        ("{{ ''.upper }}", "line 1: shows something that is no text"),
    ],
)
def test_says_what_is_wrong(source: str, error: str) -> None:
    """Where it is, and what may have been meant."""
    with pytest.raises(TemplateError) as caught:
        Template(source).render(CONTEXT)
    assert str(caught.value).startswith(error)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ labels.alertname }}/{{ labels.missing }}/{{ labels['_pairs'] }}", "A//b"),
        (
            "{{ labels.names | join(',') }} {{ labels.values | join(',') }}",
            "A,_pairs A,b".replace("A,_pairs", "alertname,_pairs"),
        ),
        ("{% for name, value in labels.sorted_pairs %}{{ name }}={{ value }};{% endfor %}", "alertname=A;_pairs=b;"),
        ("{% for name, value in labels.items() %}{{ name }};{% endfor %}", "_pairs;alertname;"),
        ("{{ labels.remove(['alertname']) }}|{{ labels }}|{{ labels | length }}", "_pairs=b|alertname=A, _pairs=b|2"),
        (
            "{{ 'alertname' in labels }} {{ labels.get('q', 'z') }} {{ labels.keys() | join(' ') }}",
            "True z _pairs alertname",
        ),
        ("{{ '%05.1f|%s' % (3.14159, x) }} {{ '%s'|format([1, 2]) }}", "003.1|text [1, 2]"),
        ("{{ none }}|{{ [1, 'a', none] }}|{{ {'a': 1} }}", "|[1, a, ]|{a: 1}"),
        ("{{ 'a b' | title | center(7) | replace(' ', '.') }}", "..A.B.".replace("..A.B.", "..A.B..")),
        (
            "{{ 'one two three' | truncate(9) }} {{ 3.14159 | round(2) }} {{ [1, 2, 3] | batch(2) | list }}",
            "one... 3.14 [[1, 2], [3]]",
        ),
        ("{{ 'x\n\ny' | indent(2, first=true) }}", "  x\n\n  y"),
        ("{{ ('2026' | int + 1) ~ '!' }}{{ loop is defined }}", "2027!False"),
        ("{{ ['b', 'a'] | sort | join('-', ) }}{{ 'a-b' is string }}", "a-bTrue"),
        (
            "{% for i in range(9) %}{% if i == 2 %}{% continue %}{% endif %}{% if i > 3 %}{% break %}{% endif %}"
            "{{ i }}{% endfor %}",
            "013",
        ),
        ("{% macro f(a) %}<{{ a }}>{% endmacro %}{{ f(1) ~ f(2) }}", "<1><2>"),
        ("trailing\n", "trailing\n"),
    ],
)
def test_renders(source: str, expected: str) -> None:
    """What people write works."""
    assert expected == Template(source).render(CONTEXT)


def test_escapes_where_it_is_for_html() -> None:
    """What is put in, and not what is written; unless it is said to be safe."""
    template = Template("<b>{{ x }}{{ x ~ '<' }}{{ '<i>' | safe }}{{ [x, '&'] | join('>') }}</b>", html=True)

    assert "<b>a&amp;a&amp;&lt;<i>a&amp;&gt;&amp;</b>" == template.render({"x": "a&"})


def test_is_compared_by_what_was_written() -> None:
    """And shown without it: there may be a secret in it."""
    assert Template("a") == Template("a")
    assert {Template("a")} != {Template("b")}
    assert repr(Template("{{ x }}")) == repr(Template("{{ x }}")) != repr(Template("{{ y }}"))
    assert "x" not in repr(Template("{{ x }}")).removeprefix("Template(").strip("0123456789abcdef)")


def test_default_stands_for_a_label_that_is_missing() -> None:
    """Missing is empty here, so that only so `default` does what it is written for."""
    values = {"labels": {"team": "shop", "empty": "", "zero": 0}}
    source = "{{ labels.team | default('x') }} {{ labels.empty | default('x') }} {{ labels.none | d('x') }}"
    source += " {{ nothing | default('x') }} {{ labels.zero | default('x') }} {{ labels.zero | default('x', true) }}"
    assert "shop x x x 0 x" == Template(source).render(values)
