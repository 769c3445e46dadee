"""What mails, webhooks and the log say of the README's alert, in docs/renderings: `python -m scripts.renderings`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from actions import find
from actions._recorded import recorded
from commands.readable import readable
from outbound import Http

FOLDER = Path(__file__).parent.parent / "docs" / "renderings"
# What Slack and PagerDuty get is more than one message.
_KINDS = ("email", "log", "webhook")
_PAYLOADS = ("firing", "resolved")


def renderings() -> Iterator[tuple[str, str]]:
    """Each file's name, and what is to stand in it."""
    for kind in _KINDS:
        module = find()[kind]
        action = module.Action(module.Settings.model_validate(module.Settings.example), Http())
        for payload in _PAYLOADS:
            message = action.preview(recorded()[payload]).message
            if "html" in message:
                yield f"{kind}-{payload}.html", message.pop("html")
            yield f"{kind}-{payload}.txt", "\n".join(readable(message)) + "\n"


def main() -> None:
    """Write them all."""
    FOLDER.mkdir(exist_ok=True)
    for name, content in renderings():
        (FOLDER / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
