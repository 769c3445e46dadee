"""A text is Go's or Jinja2's, by rules that can be written down."""

import pytest

from templating import Template, TemplateError
from templating.dialect import is_go

GO = [
    "{{ .Status }}",
    "{{.}}",
    "{{- .A -}}",
    "{{ range .A }}",
    "{{ if }}",
    "{{ end }}",
    '{{ template "x" . }}',
    '{{ define "x" }}',
    "{{ $x := 1 }}",
    "{{ $ }}",
    "{{ `raw` }}",
    "{{/* comment */}}",
    "{{- /* comment */ -}}",
    "{{ len .A }}",
    "{{ (index .A 0).B }}",
    '{{ print "a" }}',
    '{{ toUpper "a" }}',
    '{{ "a" | toUpper }}',
    "{{ not (le 1 7) }}",
    "{{ and true true }}",
    '{{ now | date "2006" }}',
    '{{ "x" | printf "%q" }}',
    '{"a": "{{ .Status }}", "b": "{# no comment #}"}',
]
JINJA = [
    "",
    "plain",
    "{{ status }}",
    "{{ x if y else z }}",
    "{{ not (a) }}",
    "{{ alerts | length }}",
    "{{ title }}",
    "{{ range(3) }}",
    '{{ "x" | title }}',
    '{{ a.b.c("d . e") }}',
    '{{ x ~ ".Foo" }}',
    '{{ template("x") }}',
    '{{ print("a") }}',
    "{{ now() }}",
    "{% set x = 1 %}",
    '{{ "$5" }}',
    "{{ end_time }}",
    "{# .Status #}",
]


@pytest.mark.parametrize("source", GO)
def test_knows_go(source: str) -> None:
    """By what Jinja2 has no meaning for."""
    assert is_go(source)


@pytest.mark.parametrize("source", JINJA)
def test_knows_jinja(source: str) -> None:
    """Whatever is not Go's."""
    assert not is_go(source)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (
            "{{ status }}\n {{ .Status }}",
            "line 2, column 2: this is Go's, and what stands before it is Jinja2's; write all of it in one of them",
        ),
        (
            "{{ .Status }}{% if x %}",
            "line 1, column 14: this is Jinja2's, and what stands before it is Go's; write all of it in one of them",
        ),
    ],
)
def test_refuses_both(source: str, error: str) -> None:
    """In one text, with the place of what does not fit."""
    with pytest.raises(TemplateError) as caught:
        Template(source)
    assert error == str(caught.value)
