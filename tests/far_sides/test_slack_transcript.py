"""A channel's transcript shows what a person sees, and nothing that differs from run to run."""

from datetime import UTC, datetime

import pytest

from tests.far_sides.slack_channel import Channel, File
from tests.far_sides.slack_transcript import colour, readable, transcript

START = datetime(2026, 1, 1, tzinfo=UTC)
ATTACHMENT = {
    "color": "#d40e0d",
    "fallback": "not shown",
    "blocks": [
        {"type": "section", "text": {"type": "mrkdwn", "text": "*CPU* 0.42 &gt; 0.4\n*memory* 220 MiB"}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "*since*\n07:31"}]},
        {"type": "divider"},
        {
            "type": "actions",
            "elements": [
                {"type": "button", "text": {"type": "plain_text", "text": "Runbook"}, "url": "https://r.example"},
                {"type": "button", "text": {"type": "plain_text", "text": "Acknowledge"}, "style": "primary"},
            ],
        },
        {"type": "image", "image_url": "https://a.example/a.png", "alt_text": "CPU of a-1"},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "alert-manager · ops"}]},
    ],
}
TABLE = {
    "type": "table",
    "rows": [
        [{"type": "raw_text", "text": "pod"}, {"type": "raw_text", "text": "CPU"}],
        [
            {"type": "raw_text", "text": "a-1"},
            {
                "type": "rich_text",
                "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "84%"}]}],
            },
        ],
    ],
}
EXPECTED = """\
#ops
====

[1] alert-manager  (edited 2 times)
    ✅ *[RESOLVED] Crash* a-1
    | (green #2eb67d)
    | *CPU* 0.42 > 0.4
    | *memory* 220 MiB
    | *since*: 07:31
    | ---
    | [Runbook (link)] [Acknowledge, primary]
    | [picture: CPU of a-1]
    | (alert-manager · ops)
    > jane
    >   I am on it
    > alert-manager  (also in the channel)
    >   @here a-2 fires too
    > alert-manager
    >   [file cpu.png: CPU - CPU of a-1]

[2] alert-manager  (changed 1 time without a mark)
    # Digest
    pod | CPU
    a-1 | 84%
    | (green good)

[3] alert-manager
    This message was deleted.
    > alert-manager
    >   still here

[4] alert-manager  (its thread is gone)
    late
"""


def test_shows_a_channel_as_it_stands() -> None:
    """Its messages in their present state, each with its thread."""
    channel = Channel("C1", "#ops")
    first = channel.post({"text": "🔴 *[FIRING] Crash* a-1", "attachments": [ATTACHMENT]}, START).ts
    channel.update(first, {"text": "🔴 *[FIRING] Crash* a-1 and 1 more"})
    channel.post({"text": "I am on it", "thread_ts": first}, START, "jane")
    channel.post({"text": "<!here> a-2 fires too", "thread_ts": first, "reply_broadcast": True}, START)
    channel.post({"text": "", "thread_ts": first}, START, files=(File("F1", "cpu.png", b"x", "CPU", "CPU of a-1"),))
    over = {"text": "✅ *[RESOLVED] Crash* a-1", "attachments": [{**ATTACHMENT, "color": "#2eb67d"}]}
    channel.update(first, over)
    header = {"type": "header", "text": {"type": "plain_text", "text": "Digest"}}
    second = channel.post({"text": "Digest", "blocks": [header]}, START).ts
    channel.update(second, {"blocks": [header, TABLE], "attachments": [{"color": "good"}]})
    third, fourth = channel.post({"text": "x"}, START).ts, channel.post({"text": "x"}, START).ts
    channel.post({"text": "still here", "thread_ts": third}, START)
    channel.delete(third)
    channel.delete(fourth)
    channel.post({"text": "late", "thread_ts": fourth}, START)
    assert EXPECTED == transcript(channel)


def test_shows_attachments_of_the_old_kind() -> None:
    """As a user's own settings may still make them."""
    channel = Channel("C1", "#ops")
    attachment = {
        "pretext": "before",
        "title": "t",
        "fields": [{"title": "pod", "value": "a-1"}],
        "image_url": "https://a.example/a.png",
        "footer": "f",
    }
    channel.post({"attachments": [attachment]}, START)
    lines = transcript(channel).splitlines()[4:]
    assert ["|", "| before", "| t", "| pod: a-1", "| [picture: https://a.example/a.png]", "| (f)"] == [
        line.strip() for line in lines
    ]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("#d40e0d", "red #d40e0d"),
        ("#e8590c", "orange #e8590c"),
        ("#ecb22e", "yellow #ecb22e"),
        ("3a7bd5", "blue #3a7bd5"),
        ("#808080", "grey #808080"),
        ("danger", "red danger"),
        ("loud", "loud"),
    ],
)
def test_names_a_colour(told: str, expected: str) -> None:
    """A person cannot read hexadecimal digits."""
    assert expected == colour(told)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<https://a.example|a> &amp;lt; &lt;!here&gt;", "a (link) &lt; <!here>"),
        ("<https://a.example>", "https://a.example"),
        ("<!subteam^S1|@sre> <!channel> <@U1>", "@sre @channel @U1"),
        ("<!date^1767225600^{time}|07:31 UTC>", "07:31 UTC"),
    ],
)
def test_reads_mrkdwn(text: str, expected: str) -> None:
    """A mention looks like one, and escaped text does not become one."""
    assert expected == readable(text)
