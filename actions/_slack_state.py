"""How a group stands, as the first lines of a Slack message say it: how bad, since when, what is new, where, whose."""

from __future__ import annotations

from actions._base import leading, subject
from actions._changes import SIGNS, Change, begun, change, lasted
from actions._digest import level, over
from actions._mrkdwn import AGO, WHEN, line, moment, section
from alerts.model import Alert
from alerts.notification import Notification, Thread
from alerts.severity import SEVERITIES, Severity, alert_severity

_RESOLVED_COLOUR = "#2eb67d"
_COLOURS: dict[Severity, str] = {
    "critical": "#d40e0d",
    "error": "#e8590c",
    "warning": "#ecb22e",
    "info": "#3a7bd5",
}
_OVER = "✅"
_TAKEN = "👀"
_SILENCED = "🔕"
_WHERE = ("cluster", "namespace", "pod", "container", "instance")
_IN_HEADLINE = ("pod", "instance")
_MAX_WHERE = 150
_MAX_WHO = 80


def look(notification: Notification) -> tuple[str, str]:
    """The colour and the sign of the state, or of the severity while anything fires."""
    if over(notification):
        return _RESOLVED_COLOUR, _OVER
    return _COLOURS[level(notification)], SIGNS[level(notification)]


def sign(alert: Alert) -> str:
    """One alert's."""
    return SIGNS[alert_severity(alert)] if alert.firing else _OVER


def about(notification: Notification) -> str:
    """What a phone shows behind the title: "customer/a-1 and 2 more — Pod is crash looping."."""
    group = notification.group
    alert = leading(group)
    if notification.digest:
        which = "worst: " if notification.digest.alerts > 1 else ""
        return "" if over(notification) else f"— {which}{alert.name} {subject(alert)}".rstrip()
    others = len(group.firing or group.alerts) - 1
    about = subject(alert) + (f" and {others} more" if others and subject(alert) else "")
    if over(notification):
        # What its author wrote of it is not so any more.
        after = lasted(group.alerts, notification.began_at)
        return " — ".join(filter(None, (about, f"resolved after {after}" if after else "")))
    return " — ".join(filter(None, (about, alert.summary)))


def taken_by(notification: Notification) -> str:
    """Who has taken it over, for the end of the top line: "👀 Jane"."""
    taken = notification.acknowledged
    return f"{_TAKEN} {line(taken.by, _MAX_WHO) or 'somebody'}" if taken and not over(notification) else ""


def told_before(notification: Notification, thread: Thread | None) -> Change | None:
    """What changes for a reader who knows what was told before; None where nothing was, or nobody knows."""
    if thread is None or not thread.open_fingerprints or not notification.send_resolved or notification.digest:
        return None
    return change(notification, thread)


def state(notification: Notification, changed: Change | None, headline: str, *, where: bool) -> dict[str, object]:
    """How bad it is and since when, what of it is new, where it is, and who has taken it over; a line each.

    Args:
        headline: what stands above; which pod it is is not said twice.
        where: whether to say where.
    """
    lines = (
        _standing(notification, changed),
        _where(notification, headline) if where else "",
        _acknowledged(notification),
        _silenced(notification),
    )
    return section("\n".join(filter(None, lines)))


def _standing(notification: Notification, changed: Change | None) -> str:
    group = notification.group
    if over(notification):
        return _ended(notification)
    severities = [alert_severity(each) for each in group.firing]
    counts = ", ".join(f"{severities.count(each)} {each}" for each in SEVERITIES if each in severities)
    hidden = f", {group.truncated_alerts:,} more unnamed" if group.truncated_alerts else ""
    if changed:
        told = [(len(changed.new), "new"), (len(changed.ended), "resolved"), (len(changed.still), "still firing")]
        said = f"*{', '.join(f'{count:,} {word}' for count, word in told if count)}* ({counts}{hidden})"
    elif len(group.alerts) == 1 and not hidden:
        said = f"*{severities[0]}*"
    else:
        over_too = f", {len(group.resolved):,} resolved" if group.resolved else ""
        said = f"*{len(group.firing):,} firing* ({counts}{hidden}){over_too}"
    oldest = min(each.starts_at for each in group.firing)
    return f"{said} · since {moment(oldest, f'{WHEN} ({AGO})')}"


def _ended(notification: Notification) -> str:
    """How long it took, and from when to when."""
    group = notification.group
    after = lasted(group.alerts, notification.began_at)
    said = f"*all {len(group.alerts):,} resolved*" if len(group.alerts) > 1 else "*resolved*"
    if not after:
        return said
    begin = begun(group.alerts, notification.began_at)
    end = max(each.ends_at for each in group.alerts if each.ends_at)
    return f"{said} after *{after}* · {moment(begin)} to {moment(end)}"


def _where(notification: Notification, headline: str) -> str:
    """What all of its alerts are about: "cluster *main* · namespace *customer*"."""
    group = notification.group
    labels = group.alerts[0].labels if len(group.alerts) == 1 else group.common_labels
    named = ((name, line(labels.get(name, ""), _MAX_WHERE)) for name in _WHERE)
    return " · ".join(
        f"{name} *{value}*" for name, value in named if value and not (name in _IN_HEADLINE and value in headline)
    )


def _acknowledged(notification: Notification) -> str:
    """Who has taken it over, where and when; or closed it, which does not end what fires."""
    taken = notification.acknowledged
    if taken is None:
        return ""
    by = line(taken.by, _MAX_WHO) or "somebody"
    did = "closed" if taken.resolved else "acknowledged"
    fires = "; it still fires" if taken.resolved and not over(notification) else ""
    return f"{_TAKEN} {did} by *{by}* ({taken.where}) {moment(taken.at)}{fires}"


def _silenced(notification: Notification) -> str:
    """Who had it silenced, and until when: for so long nothing is heard of it."""
    taken = notification.silenced
    if taken is None or taken.silenced_until is None or over(notification):
        return ""
    return f"{_SILENCED} silenced by *{line(taken.by, _MAX_WHO) or 'somebody'}* until {moment(taken.silenced_until)}"
