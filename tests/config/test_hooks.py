"""`hook_configs` as a configuration has them: a Job's template is read with it, and watched as it is."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.schema import Configuration
from pipeline.reload import first, reloaded
from tests.actions.hooks import TEMPLATE
from tests.config.conftest import Load, load_file

CONFIGURATION = """
route: {receiver: fix}
receivers:
- name: fix
  hook_configs:
  - job: {template: jobs/unstick.yaml}
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A template where the configuration names it."""
    file = tmp_path / "jobs" / "unstick.yaml"
    file.parent.mkdir()
    file.write_text(TEMPLATE)
    return file


def test_a_template_stands_beside_the_configuration(load_yaml: Load, template: Path) -> None:
    """And is among the files by which that is known."""
    configuration = load_yaml(CONFIGURATION)
    assert [] == [each for each in configuration.warnings if "tells nobody" not in each]
    assert template in configuration.watched


def test_a_wrong_template_is_told_with_both_places(
    problems_of: Callable[..., list[str]], template: Path, tmp_path: Path
) -> None:
    """Where it is named, and where in it what is wrong stands."""
    template.write_text(TEMPLATE.replace("kind: Job", "kind: Pod"))
    told = problems_of(CONFIGURATION.replace("jobs/unstick.yaml", "jobs//unstick.yaml"))
    place = "receivers[0].hook_configs[0].job.template"
    assert [f"f.yml:6:11 {place}: {template}:3:1: kind should be Job"] == told

    assert problems_of(CONFIGURATION.replace("unstick.yaml", "gone.yaml")) == [
        f"f.yml:6:11 {place}: {tmp_path}/jobs/gone.yaml: No such file or directory"
    ]


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (
            "{template: jobs/unstick.yaml, namespace: ../x}",
            ".namespace: should be small letters, digits and -, at most 63",
        ),
        (
            "{template: jobs/unstick.yaml, namespace: shop}",
            ": has another namespace than the template, which says automation",
        ),
        ("{template: [x]}", ".template: should be the name of a file"),
        ("{template: jobs/unstick.yaml, image: x}", ".image: is no key here; there are: template, namespace"),
        ("{namespace: x}", ".template: is missing"),
    ],
)
def test_a_wrong_job_is_told(problems_of: Callable[..., list[str]], template: Path, job: str, expected: str) -> None:
    """Each with its place."""
    (told,) = problems_of(CONFIGURATION.replace("{template: jobs/unstick.yaml}", job))
    assert told.partition("receivers[0].hook_configs[0].job")[2] == expected


def test_a_job_needs_a_namespace(problems_of: Callable[..., list[str]], load_yaml: Load, template: Path) -> None:
    """Of the template or of its own; an alert has no say in it."""
    template.write_text(TEMPLATE.replace("  namespace: automation\n", ""))
    (told,) = problems_of(CONFIGURATION)
    assert told.endswith("job: needs a namespace, here or in the template's metadata")
    assert load_yaml(CONFIGURATION.replace("yaml}", "yaml, namespace: automation}")).receivers


def test_what_may_run_twice_is_warned_of(load_yaml: Load, template: Path) -> None:
    """At the place where the template is named."""
    template.write_text(TEMPLATE.replace("spec:\n  template", "spec:\n  backoffLimit: 2\n  template"))
    (told,) = (each for each in load_yaml(CONFIGURATION).warnings if "tells nobody" not in each)
    assert f"hook_configs[0].job.template: {template}: has a backoffLimit of 2" in told


def test_what_global_says_of_http_is_none_of_a_job(load_yaml: Load, template: Path) -> None:
    """A Job is not called; beside it a call is, as `global` says."""
    text = f"global: {{http_config: {{follow_redirects: false}}}}{CONFIGURATION}"
    text += "  - {url: 'https://a.example', secret: what-both-sides-know}\n"
    job, call = (each.settings for each in load_yaml(text).receivers[0].actions)
    assert (None, False) == (job.http_config, call.http_config.follow_redirects)  # type: ignore[attr-defined]


def test_another_template_is_another_configuration(template: Path, tmp_path: Path) -> None:
    """It is taken as soon as the file changes, and a broken one changes nothing."""
    file = tmp_path / "f.yml"
    file.write_text(CONFIGURATION)

    def load() -> Configuration:
        return load_file(file)

    now = datetime.now(UTC)
    before = first(load, now)
    template.write_text(TEMPLATE.replace("1.10", "1.11"))
    after = reloaded(before, load, now)
    template.write_text("kind: Pod")
    broken = reloaded(after, load, now)

    assert before.configuration.receivers != after.configuration.receivers
    assert before.configuration.digest != after.configuration.digest
    assert before.content != after.content
    assert broken.configuration is after.configuration
    assert "apiVersion should be batch/v1" in broken.error
