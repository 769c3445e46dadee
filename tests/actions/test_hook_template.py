"""A Job's template: what is wrong with it is said when the configuration is loaded, with the place."""

import os
from pathlib import Path
from typing import Any

import pytest

from actions._hook_template import JobTemplate, read_template
from tests.actions.hooks import TEMPLATE


def read(folder: Path, text: str | bytes = TEMPLATE) -> JobTemplate:
    """Reads a template from a file."""
    file = folder / "job.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_template(file)


def problem(folder: Path, text: str | bytes) -> str:
    """Returns what is wrong with a template, without the folder."""
    with pytest.raises(ValueError, match=r"job\.yaml") as raised:
        read(folder, text)
    return str(raised.value).removeprefix(f"{folder}/")


def changed(old: str, new: str) -> str:
    """Returns the template with something else in it."""
    assert 1 == TEMPLATE.count(old)
    return TEMPLATE.replace(old, new)


def test_reads_a_template(tmp_path: Path) -> None:
    """Values are what kubectl makes of them."""
    template = read(tmp_path, f"---\n{TEMPLATE}")
    containers = template.document["spec"]["template"]["spec"]["containers"]

    assert ("unstick", "automation") == (template.name, template.namespace)
    assert {"name": "FROM", "value": "$(ALERT_NAME) on 2026-01-01"} == containers[0]["env"][0]
    assert [] == list(template.doubts())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"),
        ("0644", 420),
        ("yes", True),
        ("~", None),
        ("-", "-"),
        (".", "."),
        ("1.5", 1.5),
        (".inf", ".inf"),
        ("1e3", 1000.0),
        ("!!str 5", "5"),
    ],
)
def test_values_are_as_kubectl_has_them(tmp_path: Path, text: str, value: Any) -> None:
    """Where PyYAML makes dates and other numbers of them."""
    document = read(tmp_path, changed("serviceAccountName: unstick", f"anything: [{text}]")).document
    assert [value] == document["spec"]["template"]["spec"]["anything"]


def test_knows_itself_by_what_it_says(tmp_path: Path) -> None:
    """And not by how that is written."""
    first, other = read(tmp_path), read(tmp_path, changed("1.10", "1.11"))
    assert first == read(tmp_path, f"# so\n{TEMPLATE}")
    assert first != other
    assert first.digest in repr(first)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("batch/v1", "batch/v1beta1", "job.yaml:2:1: apiVersion should be batch/v1"),
        ("kind: Job", "kind: CronJob", "job.yaml:3:1: kind should be Job"),
        ("kind: Job\n", "", "job.yaml:2:1: kind should be Job"),
        (
            "  name: unstick\n  name",
            "  generateName: x-\n  name: a\n  name",
            "job.yaml:5:3: metadata.generateName may not stand here; there are: name, namespace, labels, annotations",
        ),
        (
            "kind: Job\n",
            "kind: Job\nstatus: {active: 1}\n",
            "job.yaml:4:1: status may not stand here; there are: apiVersion, kind, metadata, spec",
        ),
        (
            "  name: unstick\n  name",
            "  name: Unstick\n  name",
            "job.yaml:5:3: metadata.name should be small letters, digits and -, at most 63",
        ),
        (
            "namespace: automation",
            "namespace: ../x",
            "job.yaml:6:3: metadata.namespace should be small letters, digits and -, at most 63",
        ),
        ("{team: shop}", "{team: 5}", "job.yaml:7:12: metadata.labels.team should be text: it wants quotes"),
        ("{team: shop}", "[team]", "job.yaml:7:3: metadata.labels should be a mapping"),
        (
            "spec:\n  template",
            "spec:\n  backoffLimit: many\n  template",
            "job.yaml:9:3: spec.backoffLimit should be a whole number, 0 or more",
        ),
        (
            "spec:\n  template",
            "spec:\n  completions: true\n  template",
            "job.yaml:9:3: spec.completions should be a whole number, 0 or more",
        ),
        ("spec:\n  template:\n", "spec:\n  x:\n", "job.yaml:8:1: spec.template is missing"),
        (
            "serviceAccountName: unstick",
            "restartPolicy: Always",
            "job.yaml:11:7: spec.template.spec.restartPolicy should be Never (or OnFailure)",
        ),
        ("      containers:\n", "      x:\n", "job.yaml:10:5: spec.template.spec.containers is missing"),
        (
            "initContainers:\n",
            "initContainers: {}\n      x:\n",
            "job.yaml:12:7: spec.template.spec.initContainers should be a list",
        ),
        (
            'value: "$(ALERT_NAME) on 2026-01-01"',
            "value: yes",
            "job.yaml:19:28: spec.template.spec.containers[0].env[0].value should be text: it wants quotes",
        ),
        ("{name: FROM,", "{", "job.yaml:19:15: spec.template.spec.containers[0].env[0].name should be text"),
        ("kind: Job", "kind: Job\nkind: Job", "job.yaml:4:1: kind stands here twice"),
        ("kind: Job", "kind: !!python/name:os.system", "job.yaml:3:7: is not YAML: could not determine a constructor"),
        ("{team: shop}", "{team: shop", "job.yaml:8:5: is not YAML: expected ',' or '}', but got ':'"),
    ],
)
def test_says_what_is_wrong_and_where(tmp_path: Path, old: str, new: str, expected: str) -> None:
    """The first of it, at the nearest place that the file has."""
    assert problem(tmp_path, changed(old, new)).startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "job.yaml: should be a mapping"),
        ("[]", "job.yaml:1:1: should be a mapping"),
        ("a: b\n---\nc: d", "job.yaml:2:1: is not YAML: but found another document"),
        (b"\xff", "job.yaml: is not UTF-8"),
        ("a: \x00", "job.yaml: is not YAML: a character that may not stand there"),
        ("[" * 500, "job.yaml"),
        ("a: !!binary aGk=", "job.yaml: holds what there is none of in JSON"),
        ("a: !!float .nan", "job.yaml: holds what there is none of in JSON"),
        ("? [a]\n: b", "job.yaml:1:3: is not YAML: found unhashable key"),
        ("a: &a [*a]", "job.yaml:1:4: is too large, too deep or holds itself"),
        ("x" * 70_000, "job.yaml: is longer than 64 KiB"),
        (
            "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
            "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d]",
            "job.yaml:1:",
        ),
    ],
    ids=range(12),
)
def test_what_is_no_template_at_all(tmp_path: Path, text: str | bytes, expected: str) -> None:
    """Nonsense ends soon, with words."""
    assert problem(tmp_path, text).startswith(expected)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """What is not there, and what would be waited for."""
    os.mkfifo(tmp_path / "pipe")
    for name, words in (("gone", "No such file or directory"), ("pipe", "is no file"), ("", "Is a directory")):
        with pytest.raises(ValueError, match=words):
            read_template(tmp_path / name)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('unstick --pod "$ALERT_LABEL_POD"', "unstick --pod $(ALERT_LABEL_POD)", "containers[0].command[2]"),
        ("[sh, -c, 'echo", "[sh, $(ALERT_NAME), 'echo", "initContainers[0].command[1]"),
        ("1.10\n", "1.10\n          args: ['$(ALERT_FINGERPRINT)']\n", "containers[0].args[0]"),
        ("1.10\n", "1.10\n          args: ['a$(FROM)b']\n", "containers[0].args[0]"),
        (
            "1.10\n",
            "1.10\n          volumeMounts: [{name: x, mountPath: /x, subPathExpr: $(ALERT_LABEL_POD)}]\n",
            "containers[0].volumeMounts[0].subPathExpr",
        ),
    ],
)
def test_puts_no_alert_into_a_command(tmp_path: Path, old: str, new: str, place: str) -> None:
    """The kubelet would, before a shell reads it: a label could be a command, by itself or through another variable."""
    told = problem(tmp_path, changed(old, new))
    assert f" spec.template.spec.{place} has $(" in told
    assert "whatever an alert says; a shell may have it as " in told


def test_the_token_may_stand_in_a_command(tmp_path: Path) -> None:
    """It is ours, and letters and digits alone."""
    template = read(tmp_path, changed("1.10\n", "1.10\n          args: [$(REMEDIATION_TOKEN), $(HOME), $(]\n"))
    container = template.document["spec"]["template"]["spec"]["containers"][0]
    assert ["$(REMEDIATION_TOKEN)", "$(HOME)", "$("] == container["args"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("spec:\n  template", "spec:\n  backoffLimit: 3\n  template", "has a backoffLimit of 3: what it does may be"),
        (
            "spec:\n  template",
            "spec:\n  completions: 2\n  template",
            "has 2 completions: what it does may be done more",
        ),
        (
            "spec:\n  template",
            "spec:\n  parallelism: 2\n  template",
            "has 2 parallelism: what it does may be done more",
        ),
        ("spec:\n  template", "spec:\n  podFailurePolicy: {rules: []}\n  template", "has a podFailurePolicy, by which"),
        ("spec:\n  template", "spec:\n  suspend: true\n  template", "has suspend: nothing runs"),
        ("serviceAccountName: unstick", "restartPolicy: OnFailure", "has the restartPolicy OnFailure, and not Never"),
    ],
)
def test_doubts_what_may_run_twice(tmp_path: Path, old: str, new: str, words: str) -> None:
    """Each of these does."""
    (doubt,) = read(tmp_path, changed(old, new)).doubts()
    assert doubt.startswith(words)


def test_nothing_behind_a_key_counts_as_left_out(tmp_path: Path) -> None:
    """As `kubectl create job --dry-run=client -o yaml` writes it."""
    text = changed("  labels: {team: shop}\n", "  labels: {team: shop}\n  creationTimestamp: null\n")
    assert "creationTimestamp" not in read(tmp_path, text).document["metadata"]
    nothing = read(tmp_path, changed("serviceAccountName: unstick", "restartPolicy:"))
    assert "restartPolicy" not in nothing.document["spec"]["template"]["spec"]
