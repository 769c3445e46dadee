"""What a mail says: the same in HTML and plain text, whole and harmless whatever alerts hold."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actions._letter import letter
from actions._mail import Mail, mail
from actions._mail_rendering import MailView
from actions._mail_rendering import html as written_html
from actions._mail_rendering import text as written_text
from actions._plain import plain
from actions._silence_link import silence_link
from alerts.findings import Gap
from alerts.notification import Notification
from tests.actions import notifications
from tests.actions.notifications import CPU, LOG, MEMORY, NO_MEMORY, alert, any_notification, notification

# Gmail shows no more of a mail than this: https://support.google.com/mail (clipped messages).
MOST_HTML_BYTES = 102_000
TEXT_TAGS = {"html", "head", "meta", "title", "style", "body", "div", "table", "tr", "td", "h1", "p", "b", "br", "span"}
TAGS = TEXT_TAGS | {"a", "img"}


class Page(HTMLParser):
    """The tags, links and words of a page."""

    def __init__(self, source: str) -> None:
        """Reads it."""
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.words = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes a tag."""
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [str(value) for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        """Notes words."""
        self.words += data


def html(said: Mail) -> str:
    """Returns the page of a mail."""
    return written_html(MailView(lambda: said))


def text(said: Mail) -> str:
    """Returns its plain text."""
    return written_text(MailView(lambda: said))


def shown(told: Notification) -> tuple[Mail, Page, str]:
    """Returns what is said of a notification, its page and its plain text."""
    said = mail(told)
    return said, Page(html(said)), text(said)


def test_says_all_of_one_alert() -> None:
    """What it is, how it was found, what others say of it, and where to go on."""
    told = notification(
        alert(notifications.LABELS, notifications.ANNOTATIONS, generator_url=notifications.PROMETHEUS),
        findings=[CPU, MEMORY, Gap("disk", "disk", "no data"), LOG],
        page_url=notifications.PAGE,
    )
    said, page, plainly = shown(replace(told, notes=("still firing, 4h",)))
    for words in (page.words, plainly):
        for expected in (
            "[FIRING] KubePodCrashLooping",
            "customer/customer-rs-transformer-9b75b488c-cpfd7",
            "Pod is crash looping.",
            notifications.ANNOTATIONS["description"],
            "still firing, 4h",
            "220 MiB of 256 MiB (86%)",
            "no data",
            "panic: ``` & out of memory",
            "cluster-main",
            "2022-03-02 07:31:57 UTC",
            "alert-manager · on-call · 1 firing, 0 resolved",
        ):
            assert expected in words
    links = [
        notifications.RUNBOOK,
        notifications.PROMETHEUS,
        notifications.ALERTMANAGER,
        notifications.PAGE,
        silence_link(told.group),
    ]
    assert links == page.links
    assert ["Runbook", "Prometheus", "Alertmanager", "Details", "Silence"] == [words for words, _ in said.links]
    assert all(link in plainly for link in links)
    assert "CRITICAL" in page.words


@pytest.mark.parametrize(
    ("severity", "status", "colour", "word"),
    [
        ("critical", "firing", "#c8102e", "CRITICAL"),
        ("error", "firing", "#c2410c", "ERROR"),
        ("warning", "firing", "#f2b824", "WARNING"),
        ("info", "firing", "#2f66bd", "INFO"),
        ("critical", "resolved", "#1b7a4b", "RESOLVED"),
    ],
)
def test_shows_how_bad_it_is(severity: str, status: Any, colour: str, word: str) -> None:
    """By a colour, and in words for who does not see it."""
    page = html(mail(notification(alert({"alertname": "A", "severity": severity}, status=status))))
    assert f'bgcolor="{colour}"' in page
    assert f">{word}<" in page


def test_colours_can_be_read_on() -> None:
    """A header's words stand out from its colour by 4.5 to 1: https://www.w3.org/TR/WCAG21/#contrast-minimum."""
    found = set()
    for severity, status in [(each, "firing") for each in ("critical", "error", "warning", "info")] + [
        ("x", "resolved")
    ]:
        shown_alert = alert({"severity": severity}, status="firing" if status == "firing" else "resolved")
        page = html(mail(notification(shown_alert)))
        match = re.search(r'bgcolor="(#\w{6})" style="[^"]*letter-spacing[^"]*color:(#\w{6})', page)
        assert match
        found.add(match[1])
        lights = sorted(map(_luminance, match.groups()))
        assert (lights[1] + 0.05) / (lights[0] + 0.05) >= 4.5, match[1]
    assert 5 == len(found)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_lists_the_worst_of_many() -> None:
    """Twenty of them, each with what was found, how many more there are, and each reason for a gap once."""
    alerts = [
        alert(
            {"alertname": "A", "pod": f"p-{at}", "namespace": "shop", "severity": "critical" if at == 400 else "info"},
            status="resolved" if at % 2 else "firing",
        )
        for at in range(500)
    ]
    said, page, plainly = shown(notification(*alerts, findings=[CPU, NO_MEMORY]))
    assert ("critical", "shop/p-400", 20, 480) == (said.rows[0].level, said.rows[0].name, len(said.rows), said.more)
    assert "shop/p-400 and 249 more" == said.about
    assert ["unknown of 500 alerts: Prometheus timed out after 2s"] == [line.text for line in said.lines]
    for words in (page.words, plainly):
        assert "… and 480 more" in words
        assert "CPU 0.42 of 0.50 cores (84%), memory unknown" in words
        assert "250 firing, 250 resolved" in words


def test_says_once_what_all_have() -> None:
    """In a row stands what tells its alert from the others."""
    alerts = [
        alert({"alertname": name, "pod": pod}, {"summary": summary})
        for name, pod, summary in (("A", "a", "Bad."), ("A", "b", "Bad."), ("A", "", "Worse."))
    ]
    expected = [("a", "", ""), ("b", "", ""), ("A", "", "Worse.")]
    assert expected == [(each.name, each.about, each.text) for each in mail(notification(*alerts)).rows]
    others = mail(notification(*alerts, alert({"alertname": "B", "pod": "c"}))).rows
    assert [("A", "a", ""), ("A", "b", ""), ("A", "", "Worse."), ("B", "c", "")] == [
        (each.name, each.about, each.text) for each in others
    ]


def test_counts_what_the_upstream_cut() -> None:
    """Alerts that nobody names are counted all the same."""
    told = notification(alert())
    said = mail(replace(told, group=replace(told.group, truncated_alerts=7)))
    assert (1, 7) == (len(said.rows), said.more)


def test_says_how_long_it_was() -> None:
    """Of what is over."""
    said = mail(notifications.seed("resolved"))
    assert None is said.level
    assert ("resolved after", "12m") in said.facts


def test_shows_nothing_that_was_true_before() -> None:
    """What was found, and what others said, of what is over by now; of a group, of those that are over."""
    told = notification(alert(annotations=notifications.ANNOTATIONS, status="resolved"), findings=[CPU, LOG])
    said = mail(told)
    assert ("Pod is crash looping.", "", (), ()) == (said.summary, said.description, said.lines, said.blocks)
    mixed = mail(notification(alert({"pod": "a"}), alert({"pod": "b"}, status="resolved"), findings=[CPU]))
    assert ["CPU 0.42 of 0.50 cores (84%)", ""] == [each.found for each in mixed.rows]


def test_says_what_a_digest_counts() -> None:
    """And where all of them are; of no group alone."""
    said, page, plainly = shown(notifications.storm())
    for words in (page.words, plainly):
        assert "[DIGEST] 4,812 alerts in 4,800 groups: 1,204 critical, 3,000 warning firing; 608 resolved" in words
        assert "… and 4,802 more" in words
        assert "4,204 firing, 608 resolved" in words
    assert [("All of them", notifications.DIGEST_PAGE)] == list(said.links)
    assert () == said.facts


def test_says_that_a_destination_fails() -> None:
    """With what was not told there, one a line."""
    said, page, plainly = shown(notifications.delivery_failing(3))
    assert 4 == len(said.description.splitlines())
    for words in (page.words, plainly):
        assert "PagerDuty: status 503: <html> & such" in words


def test_huge_groups_are_shown_whole_by_mail_programs() -> None:
    """Five hundred alerts of the worst text there is stay below what Gmail cuts off."""
    page = html(mail(notifications.huge()))
    assert len(page.encode()) < MOST_HTML_BYTES


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(told=any_notification())
def test_nothing_an_alert_holds_is_markup(told: Notification) -> None:
    """Whatever a group holds, the page has its own tags and attributes alone, and links that are some."""
    said, page, plainly = shown(told)
    assert set(page.tags) <= TAGS
    assert not {name for name in page.attributes if name.startswith("on")}
    assert all(re.match(r"https?://", link) for link in page.links)
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", page.words + plainly)
    assert len(html(said).encode()) < 4 * MOST_HTML_BYTES


_VALUES = st.text(st.sampled_from('a@x.,;:<>"\\ ()[]=?_-\r\n\t\0é🔥\ud83d\u202e') | st.characters(), max_size=80)


@settings(max_examples=300, deadline=None)
@given(
    headers=st.dictionaries(st.sampled_from(["To", "From", "Reply-To", "Subject", "X-A", "Message-ID"]), _VALUES),
    body=st.text(max_size=2_000) | st.sampled_from([".", "\n.\n", "x" * 5_000, "From me\r\n..\r\n", "\ud83d"]),
    times=st.sampled_from([1, 1, 30]),
)
def test_no_header_holds_another(headers: dict[str, str], body: str, times: int) -> None:
    """Whatever headers and texts hold, a mail has the headers it was given, in lines that every server takes."""
    headers = {name: value * times for name, value in headers.items()}
    written = letter(headers, now=datetime(2026, 1, 1, tzinfo=UTC), text=body, html=body)
    assert written.isascii()
    assert b"\n" not in written.replace(b"\r\n", b"")
    assert b"\r" not in written.replace(b"\r\n", b"")
    assert max(map(len, written.split(b"\r\n"))) <= 998
    read = message_from_bytes(written, policy=policy.default)
    assert isinstance(read, EmailMessage)
    names = {*headers, "Date", "MIME-Version", "Content-Type"}
    assert sorted(names) == sorted(name for name in read if read.get_all(name))
    assert ["text/plain", "text/html"] == [each.get_content_type() for each in read.iter_parts()]


@pytest.mark.parametrize(
    "subject", ["plain", "é" * 300, "x" * 2_000, "🔥 one\r\nBcc: a@x", "=?utf-8?q?no?=", "a " * 400]
)
def test_a_subject_is_read_as_it_was_written(subject: str) -> None:
    """In any letters, cut where it is long, on one line."""
    read = message_from_bytes(
        letter({"Subject": subject}, now=datetime(2026, 1, 1, tzinfo=UTC), text="x", html=None), policy=policy.default
    )
    assert plain(subject, 250).replace("=?", "= ?") == read["Subject"]
    assert None is read["Bcc"]
