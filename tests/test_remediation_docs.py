"""docs/remediation.md: each verb with its rights, as the code has them, and rules that load."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from actions._kubernetes_rights import rights
from actions._kubernetes_settings import KINDS, Settings, VerbName

TEXT = (Path(__file__).parent.parent / "docs" / "remediation.md").read_text(encoding="utf-8")


def section(verb: VerbName) -> str:
    """What stands of a verb."""
    return TEXT.partition(f"\n### {verb}\n")[2].partition("\n### ")[0].partition("\n## ")[0]


def documents(verb: VerbName) -> list[dict[str, Any]]:
    """What it shows in YAML."""
    return [yaml.safe_load(each) for each in re.findall(r"```yaml\n(.*?)```", section(verb), re.DOTALL)]


@pytest.mark.parametrize("verb", KINDS)
def test_has_the_rights_of_each_verb(verb: VerbName) -> None:
    """As the table has them, no more and no less; a ClusterRole where something is in no namespace."""
    (role,) = (each for each in documents(verb) if "rules" in each)
    told = {
        (group, name): set(each["verbs"])
        for each in role["rules"]
        for group in each["apiGroups"]
        for name in each["resources"]
    }

    assert {(each.group, each.resource): set(each.verbs) for each in rights(verb)} == told
    assert ("ClusterRole" if any(each.cluster_wide for each in rights(verb)) else "Role") == role["kind"]


@pytest.mark.parametrize("verb", KINDS)
def test_shows_a_rule_of_each_verb(verb: VerbName) -> None:
    """That loads, can do something, and does nothing as it stands; with what can go wrong."""
    (shown,) = (each for each in documents(verb) if "receivers" in each)
    (rule,) = shown["receivers"][0]["kubernetes_configs"]
    settings = Settings.model_validate(rule)

    assert (verb, True, []) == (settings.verb, settings.dry_run, list(settings.doubts()))
    assert "**Risk.**" in section(verb)
    assert "**Refuses**" in section(verb)
    assert f"| [`{verb}`](#{verb}) |" in TEXT
