"""Go templates render as a real amtool renders them, or are refused with their place."""

from pathlib import Path
from typing import Any

import pytest

from templating import Template, TemplateError
from tests.templating import amtool

PAYLOAD: dict[str, Any] = {
    "receiver": "on-call",
    "status": "firing",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "Down", "pod": "cart-1", "severity": "critical", "a-b": "x y", "names": "n"},
            "annotations": {"summary": 'It <is> "down" & out', "description": "line1\nline2"},
            "startsAt": "2022-03-02T07:31:57.339Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://p/graph?a=1&b=2",
            "fingerprint": "0123456789abcdef",
        },
        {
            "status": "resolved",
            "labels": {"alertname": "Down", "pod": "cart-2", "severity": "warning"},
            "annotations": {"summary": "Second"},
            "startsAt": "2022-03-02T07:31:57.339Z",
            "endsAt": "2022-03-02T08:43:59.839Z",
            "generatorURL": "",
            "fingerprint": "1123456789abcdef",
        },
        {
            "status": "firing",
            "labels": {"alertname": "Down", "pod": "cart-3", "severity": "info"},
            "annotations": {},
            "startsAt": "2022-03-02T07:31:57Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "",
            "fingerprint": "2123456789abcdef",
        },
    ],
    "groupLabels": {"alertname": "Down"},
    "commonLabels": {"alertname": "Down", "cluster": "c-1", "zone": "z"},
    "commonAnnotations": {"runbook": "http://r/x"},
    "externalURL": "http://am:9093",
}
RESOLVED = {**PAYLOAD, "status": "resolved", "alerts": PAYLOAD["alerts"][1:2], "commonLabels": {"alertname": "Down"}}
# One after the other, with a line of ==== between them.
TEXTS = Path(__file__).with_name("go_texts.txt").read_text().removesuffix("\n").split("\n====\n")
# What configurations name of Alertmanager's own.
DEFAULTS = [
    "__alertmanager",
    "__alertmanagerURL",
    "__subject",
    "__description",
    "__text_alert_list",
    "slack.default.title",
    "slack.default.username",
    "slack.default.fallback",
    "slack.default.callbackid",
    "slack.default.pretext",
    "slack.default.titlelink",
    "slack.default.iconemoji",
    "slack.default.iconurl",
    "slack.default.text",
    "slack.default.footer",
    "pagerduty.default.description",
    "pagerduty.default.client",
    "pagerduty.default.clientURL",
    "pagerduty.default.instances",
]


def test_renders_as_amtool_does(tmp_path: Path) -> None:
    """Fields, pipes, ranges, variables, functions and times."""
    expected = amtool.rendered(tmp_path, TEXTS, PAYLOAD)

    assert dict(zip(TEXTS, expected, strict=True)) == {text: amtool.ours(text, PAYLOAD) for text in TEXTS}


@pytest.mark.skipif(not amtool.DEFAULTS.exists(), reason="Alertmanager's own templates are not on this machine")
@pytest.mark.parametrize("payload", [PAYLOAD, RESOLVED], ids=["firing", "resolved"])
def test_has_alertmanagers_own_templates(tmp_path: Path, payload: dict[str, Any]) -> None:
    """A configuration that names one shows what it showed with Alertmanager."""
    of = {"__text_alert_list": ".Alerts", "pagerduty.default.instances": ".Alerts.Firing"}
    texts = [f'{{{{ template "{name}" {of.get(name, ".")} }}}}' for name in DEFAULTS]

    assert amtool.rendered(tmp_path, texts, payload) == [amtool.ours(text, payload) for text in texts]


def test_has_those_that_came_later() -> None:
    """And an email's, which stand in a file of their own."""
    assert "danger" == amtool.ours('{{ template "slack.default.color" . }}', PAYLOAD)
    assert "[FIRING:2] Down (c-1 z)" == amtool.ours('{{ template "email.default.subject" . }}', PAYLOAD)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('{{ range .Alerts.Resolved }}{{ .EndsAt | tz "Europe/Berlin" | date "15:04 MST" }}{{ end }}', "09:43 CET"),
        ("{{ with index .Alerts 1 }}{{ humanizeDuration (.EndsAt.Sub .StartsAt) }}{{ end }}", "1h 12m 2s"),
        (
            "{{ humanizeDuration 0.25 }} {{ humanizeDuration 90061 }} {{ humanizeDuration 59.5 }}",
            "250ms 1d 1h 1m 1s 59.5s",
        ),
        ("{{ (index .Alerts 1).Labels | toJson }}", '{"alertname":"Down","pod":"cart-2","severity":"warning"}'),
        ('{{ toJson "<&>" }} {{ list 1 "a" true | toJson }}', '"\\u003c\\u0026\\u003e" [1,"a",true]'),
        ('{{ "a?b>" | base64encode }} {{ "YT9iPg==" | base64decode }}', "YT9iPg== a?b>"),
        ("{{ $l := append (list 1) 2 }}{{ len $l }}{{ range $l }},{{ . }}{{ end }}", "2,1,2"),
        (
            '{{ $d := dict "a" .Status "b" 2 }}{{ $d.a }}{{ index $d "b" }}{{ range $k, $v := $d }}{{ $k }}{{ end }}',
            "firing2ab",
        ),
        ('{{ "  x " | trimSpace }}{{ "a%20b+c" | urlUnescape }}', "xa b c"),
        ("{{ .CommonLabels }} {{ .GroupLabels.SortedPairs }}", "alertname=Down, cluster=c-1, zone=z alertname=Down"),
        ('{{ .CommonLabels.Values.Join "/" }}', "Down/c-1/z"),
        ("{{ gt (since (index .Alerts 0).StartsAt).Hours 1.0 }}", "true"),
        ('{{ now.Format "2006" | len }}', "4"),
        (
            '{{ with dict "a" .Alerts }}{{ range .a }}{{ .Labels.pod }}{{ .StartsAt.Format "05" }} {{ end }}{{ end }}',
            "cart-157 cart-257 cart-357 ",
        ),
    ],
)
def test_has_what_later_versions_have(source: str, expected: str) -> None:
    """Functions that came after 0.25, as their documentation says."""
    assert expected == amtool.ours(source, PAYLOAD)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("a\n {{ .Foo }}", "line 2, column 5: there is no .Foo; there are: Alerts, CommonAnnotations,"),
        ("{{ .Statu }}", "line 1, column 4: there is no .Statu; did you mean .Status?"),
        (
            "{{ range .Alerts }}{{ .Label }}{{ end }}",
            "line 1, column 23: there is no .Label of an alert; did you mean .Labels?",
        ),
        (
            "{{ range .Alerts }}{{ . }}{{ end }}",
            "line 1, column 23: an alert cannot be written as it is; name one of its fields",
        ),
        ("{{ . }}", "line 1, column 4: all there is cannot be written as it is; name one of its fields"),
        ("{{ toUper .Status }}", "line 1, column 4: there is no function toUper; did you mean toUpper?"),
        ("{{ toUpper }}", "line 1, column 4: toUpper takes 1 values, and has 0"),
        ('{{ routeLabels "x" }}', "line 1, column 4: routeLabels: routes have no labels here"),
        ("{{ .RouteLabels.x }}", "line 1, column 4: routes have no labels here"),
        ('{{ toDate "2006" .Status }}', "line 1, column 4: toDate: texts are not read as times here"),
        (
            "{{ (index .Alerts 0).StartsAt.Year }}",
            "line 1, column 4: .Year of a time is not translated; use the functions",
        ),
        ("{{ $x }}", "line 1, column 4: there is no variable $x here"),
        ("{{ $x = 1 }}", "line 1, column 4: there is no variable $x to set; declare it with :="),
        ("{{ if .Status }}{{ $x := 1 }}{{ end }}{{ $x }}", "line 1, column 42: there is no variable $x here"),
        ("{{ range .Status }}{{ end }}", "line 1, column 10: range goes over lists and mappings, and this is a string"),
        ("{{ if .Status }}", "line 1, column 1: the {{ end }} of this if is missing"),
        ("{{ .Status }}{{ end }}", "line 1, column 14: an {{ end }} or {{ else }} of nothing"),
        ("{{ if .Status }}{{ else }}{{ else }}{{ end }}", "line 1, column 27: a second {{ else }}"),
        ("{{ .Status", "line 1, column 1: a {{ begins here and its }} is missing"),
        ("{{ .Status | }}", "line 1, column 1: a value is missing here"),
        ("{{ .Status ~ }}", "line 1, column 12: '~' stands here and means nothing in a Go template"),
        ("{{ (.Status }}", "line 1, column 4: the ) of this ( is missing"),
        ('{{ "a" .Status }}', "line 1, column 8: something behind a value that is no function"),
        ("{{ template x . }}", "line 1, column 1: template needs a name in quotes"),
        ('{{ template "slack.x" . }}', "line 1, column 1: there is no template 'slack.x'; `templates` names the files"),
        ('{{ template "__subject" }}', "in '__subject': line 11, column 13: there is nothing that .Status could be of"),
        ('{{ define "x" }}{{ end }}{{ .Status }}', "defines a template; write that into a file that `templates` names"),
        ("{{ else }}", "line 1, column 1: an {{ end }} or {{ else }} of nothing"),
        ('{{ index "abc" 1 }}{{ .Status }}', "line 1, column 4: index of a text gives a number in Go"),
        ("{{ range $x = .Alerts }}{{ end }}", "line 1, column 10: sets variables of before in a range"),
        ("{{ .Status.Foo }}", "line 1, column 4: there is no .Foo of a text"),
        ("{{ .Status }}{{ dict 1 }}", "line 1, column 17: dict takes names and values by turns"),
    ],
)
def test_refuses_with_the_place(source: str, error: str) -> None:
    """What there is not, what is not translated, and what is no Go template."""
    with pytest.raises(TemplateError) as caught:
        Template(source)
    assert str(caught.value).startswith(error), str(caught.value)


def test_is_readable_in_jinja() -> None:
    """What load makes of a Go template can stand in a configuration in its place, line for line."""
    source = """{{ range .Alerts.Firing }}
{{- .Labels.alertname | toUpper }} {{ index .Labels "a-b" }}
{{ else }}nothing
{{ end }}"""

    assert (
        """{% for alert in alerts.firing %}
{{- alert.labels.alertname | upper }} {{ alert.labels["a-b"] }}
{% else %}nothing
{% endfor %}"""
        == Template(source).jinja
    )


@pytest.mark.parametrize("source", TEXTS)
def test_means_the_same_in_jinja(source: str) -> None:
    """The translation of a text is a text that is Jinja2's, and renders the same."""
    jinja = Template(source).jinja

    assert jinja == Template(jinja).jinja
    assert amtool.ours(source, PAYLOAD) == amtool.ours(jinja, PAYLOAD)
