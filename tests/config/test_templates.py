"""Templates in a configuration: read with what they may call, and tried, when it is loaded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

import actions
from config.base import ActionSettings, Settings, TemplateHtml, TemplateText
from config.document import ConfigError
from config.environment import Environment
from config.load import load
from config.schema import Configuration
from templating import Template

HEAD = "route: {receiver: a}\nreceivers:\n- name: a\n  fake_configs:\n  - "


class Part(Settings):
    """A part of a message."""

    title: TemplateText
    short: bool = False


class Fake(ActionSettings):
    """An action with texts of every shape."""

    text: TemplateText | None = None
    html: TemplateHtml | None = None
    fields: tuple[Part, ...] = ()
    details: dict[str, TemplateText] = Field(default_factory=dict)


def loaded(folder: Path, text: str, files: Mapping[str, str] | None = None) -> Configuration:
    """Loads a configuration with other files beside it."""
    for name, content in (files or {}).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    path = folder / "f.yml"
    path.write_text(text)
    return load(
        path,
        Environment({}),
        actions={"fake": Fake},
        enrichers={},
        read_query=lambda query: None,
        try_template=actions.try_template,
    )


def problems(folder: Path, text: str, files: Mapping[str, str] | None = None) -> list[str]:
    """Returns what is wrong with one, without the folder."""
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text, files)
    return [str(each).replace(f"{folder}/", "") for each in caught.value.problems]


def settings(configuration: Configuration) -> Any:
    """Returns the first action's."""
    return configuration.receivers[0].actions[0].settings


def test_reads_templates_wherever_they_are(tmp_path: Path) -> None:
    """In keys, lists and mappings; Go's are translated."""
    configuration = loaded(
        tmp_path, HEAD + "{text: '{{ .Status }}', fields: [{title: '{{ status }}'}], details: {a: '{{ title }}'}}"
    )

    made = settings(configuration)
    assert Template("{{ .Status }}") == made.text
    assert "{{ status }}" == made.text.jinja == made.fields[0].title.jinja
    assert Template("{{ title }}") == made.details["a"]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (
            "{text: '{{ statu }}'}",
            "f.yml:5:6 receivers[0].fake_configs[0].text: fails for recorded/bare.json: line 1: there is no 'statu' "
            "here; did you mean status?",
        ),
        (
            "{fields: [{title: ok}, {title: '{{ alerts[5].name }}'}]}",
            "f.yml:5:29 receivers[0].fake_configs[0].fields[1].title: fails for recorded/bare.json: line 1: "
            "there is no '5' in a value of the kind alerts",
        ),
        (
            "{details: {a: '{{ 1 / 0 }}'}}",
            "f.yml:5:16 receivers[0].fake_configs[0].details.a: fails for recorded/bare.json: line 1: divides by zero",
        ),
        (
            "{text: '{% if x %}'}",
            "f.yml:5:6 receivers[0].fake_configs[0].text: line 1: Unexpected end of template. Jinja was looking for "
            "the following tags: 'elif' or 'else' or 'endif'. The innermost block that needs to be closed is 'if'.",
        ),
        (
            "{text: '{{ .Statu }}'}",
            "f.yml:5:6 receivers[0].fake_configs[0].text: line 1, column 4: there is no .Statu; did you mean .Status?",
        ),
        (
            "{text: '{{ template \"mine\" . }}'}",
            "f.yml:5:6 receivers[0].fake_configs[0].text: line 1, column 1: there is no template 'mine'; `templates` "
            "names the files that have them",
        ),
        ("{text: [a]}", "f.yml:5:6 receivers[0].fake_configs[0].text: should be text"),
    ],
)
def test_refuses_what_would_fail(tmp_path: Path, action: str, expected: str) -> None:
    """At the key's place, before anybody is paged by it."""
    assert [expected] == problems(tmp_path, HEAD + action)


def test_texts_call_templates_of_files(tmp_path: Path) -> None:
    """Go's by their names, Jinja2's by the file's; a later definition takes an earlier one's place, and the shipped."""
    files = {
        "t/a.tmpl": '{{ define "who" }}{{ .Receiver }}{{ end }}{{ define "pod" }}<{{ .Labels.pod }}>{{ end }}',
        "t/b.tmpl": '{{ define "who" }}{{ template "__subject" . }}!{{ end }}{{ define "__subject" }}mine{{ end }}',
        "t/c.tmpl": '{{ define "pod" }} {{ end }}',
        "t/m.j2": "{% macro loud(text) %}{{ text | upper }}{% endmacro %}",
    }
    texts = {
        "go": '{{ template "who" . }}{{ range .Alerts }}{{ template "pod" . }}{{ end }}',
        "jinja": '{% from "m.j2" import loud %}{{ loud(status) }} {{ template("who") }}',
    }
    details = "".join(f"\n      {name}: '{text}'" for name, text in texts.items())
    made = settings(loaded(tmp_path, f"templates: ['t/*.tmpl', t/m.j2]\n{HEAD}details:{details}\n", files))
    context = {"status": "firing", "receiver": "a", "alerts": []}

    assert "mine!" == made.details["go"].render(context)
    assert "FIRING mine!" == made.details["jinja"].render(context)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.tmpl", 'x\n{{ define "a" }}\n {{ .Status', "a.tmpl:3:2: a {{ begins here and its }} is missing"),
        (
            "a.tmpl",
            '{{ define "a" }}\n{{ toUper .Status }}{{ end }}',
            "a.tmpl:2:4: 'a': there is no function toUper; did you mean toUpper?",
        ),
        (
            "a.tmpl",
            '{{ define "a" }}{{ .Foo.Bar }}{{ routeLabels "x" }}{{ end }}',
            "a.tmpl:1:34: 'a': routeLabels: routes have no labels here; write what they would hold "
            "into the receiver's texts",
        ),
        (
            "a.tmpl",
            '{{ define "a" }}{{ template "b" . }}{{ end }}',
            "a.tmpl:1:17: 'a': there is no template 'b'; `templates` names the files that have them",
        ),
        (
            "a.j2",
            "{% macro f() %}\n{{ x | }}{% endmacro %}",
            "a.j2:2: 'a.j2': expected token 'name', got 'end of print statement'",
        ),
    ],
)
def test_refuses_wrong_files(tmp_path: Path, name: str, content: str, expected: str) -> None:
    """With the place in the file itself."""
    assert [expected] == problems(tmp_path, f"templates: [{name}]\n{HEAD}{{}}\n", {name: content})


def test_takes_templates_of_alerts(tmp_path: Path) -> None:
    """What a template is handed is known where it is called; before that whatever may be is good."""
    files = {"a.tmpl": '{{ define "a" }}{{ .StartsAt.Format "15:04" }}{{ template "a" . }}{{ end }}'}

    loaded(tmp_path, f"templates: [a.tmpl]\n{HEAD}{{}}\n", files)


def test_refuses_files_that_cannot_be_read(tmp_path: Path) -> None:
    """And two that texts could not tell apart."""
    (tmp_path / "a.tmpl").write_bytes(b"\xff")
    files = {"x/m.j2": "", "y/m.j2": "", "big.tmpl": "x" * 1_000_001}

    assert [
        "f.yml:1:13 templates[0]: a.tmpl: is not UTF-8",
        "f.yml:1:21 templates[1]: y/m.j2: another file is called m.j2; texts name files without their folder",
        "f.yml:1:31 templates[2]: big.tmpl: is larger than 1,000,000 bytes",
    ] == problems(tmp_path, f"templates: [a.tmpl, '*/*.j2', big.tmpl]\n{HEAD}{{}}\n", files)


def test_warns_of_what_is_not_there(tmp_path: Path) -> None:
    """As Alertmanager does not: files may come later, but then this must be loaded again."""
    configuration = loaded(tmp_path, f"templates: ['none/*.tmpl', '']\n{HEAD}{{}}\n")

    assert [
        f"{tmp_path}/f.yml:1:13 templates[0]: there is no file none/*.tmpl",
        f"{tmp_path}/f.yml:1:28 templates[1]: there is no file ",
    ] == [each.rstrip("\n") for each in configuration.warnings]


def test_escapes_html(tmp_path: Path) -> None:
    """Where a key is HTML."""
    made = settings(loaded(tmp_path, HEAD + "{html: '<b>{{ .Status }}</b>'}"))

    assert "<b>&lt;</b>" == made.html.render({"status": "<"})
