"""A real amtool renders Go templates, many at once."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from actions._texts import context
from alerts.notification import Notification
from alerts.payload import parse
from templating import Template
from tests.far_sides import process

# What Debian's package has: Alertmanager's own templates.
DEFAULTS = Path("/usr/share/prometheus/alertmanager/default.tmpl")
_BETWEEN = "\x01--\x01"
_DATA_KEYS = ("receiver", "status", "alerts", "groupLabels", "commonLabels", "commonAnnotations", "externalURL")


def rendered(folder: Path, texts: Sequence[str], payload: Mapping[str, Any]) -> list[str]:
    """Returns what amtool makes of each text; the error, with "ERROR" before it, of one that it refuses."""
    process.require("amtool")
    data = {key: value for key, value in payload.items() if key in _DATA_KEYS}
    (folder / "data.json").write_text(json.dumps(data))
    (folder / "none.tmpl").write_text('{{ define "none" }}{{ end }}')
    parts = [
        f'{{{{ define "t{at}" }}}}{text}{{{{ end }}}}{{{{ template "t{at}" . }}}}' for at, text in enumerate(texts)
    ]
    together = _run(folder, _BETWEEN.join(parts))
    found = together.stdout.split(_BETWEEN)
    if not together.returncode and len(found) == len(texts):
        return found
    alone = [_run(folder, text) for text in texts]
    return [f"ERROR {each.stderr}" if each.returncode else each.stdout for each in alone]


def _run(folder: Path, text: str) -> "subprocess.CompletedProcess[str]":
    command = ["amtool", "template", "render", f"--template.glob={DEFAULTS if DEFAULTS.exists() else 'none.tmpl'}"]
    command += ["--template.data=data.json", f"--template.text={text}"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=20, check=False)


def ours(text: str, payload: Mapping[str, Any]) -> str:
    """Returns what we make of it."""
    (group,) = parse(json.dumps({"version": "4", "groupKey": "{}:{}", **payload}).encode(), datetime.now(UTC))
    return Template(text).render(context(Notification(str(payload["receiver"]), "test", 0, group)))
