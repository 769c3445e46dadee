"""What Alertmanager tells and this does not, so that a configuration that has it is told so by name."""

from __future__ import annotations

_INSTEAD = "keep that receiver in Alertmanager, or have webhook_configs post to a relay"
_FAR_SIDES = {
    "discord": "Discord",
    "incidentio": "incident.io",
    "jira": "Jira",
    "mattermost": "Mattermost",
    "msteams": "Microsoft Teams",
    "msteamsv2": "Microsoft Teams",
    "opsgenie": "OpsGenie",
    "pushover": "Pushover",
    "rocketchat": "Rocket.Chat",
    "sns": "Amazon SNS",
    "telegram": "Telegram",
    "victorops": "VictorOps",
    "webex": "Webex",
    "wechat": "WeChat",
}
_IN_GLOBAL = (
    "jira_api_url",
    "mattermost_webhook_url",
    "mattermost_webhook_url_file",
    "opsgenie_api_key",
    "opsgenie_api_key_file",
    "opsgenie_api_url",
    "rocketchat_api_url",
    "rocketchat_token",
    "rocketchat_token_file",
    "rocketchat_token_id",
    "rocketchat_token_id_file",
    "telegram_api_url",
    "telegram_bot_token",
    "telegram_bot_token_file",
    "victorops_api_key",
    "victorops_api_key_file",
    "victorops_api_url",
    "webex_api_url",
    "wechat_api_corp_id",
    "wechat_api_secret",
    "wechat_api_secret_file",
    "wechat_api_url",
)

# Each key of a receiver that would tell one of them: why it is not taken, and what to do instead.
RECEIVERS = {f"{kind}_configs": f"{name} is not told from here: {_INSTEAD}" for kind, name in _FAR_SIDES.items()}
# And each key of `global`.
GLOBAL = {
    key: f"is {_FAR_SIDES[key.partition('_')[0]]}'s, which is not told from here: leave it out, and {_INSTEAD}"
    for key in _IN_GLOBAL
}
