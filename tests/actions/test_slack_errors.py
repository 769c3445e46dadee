"""Every error that Slack documents has a remedy, on purpose.

Source: https://docs.slack.dev/reference/methods/chat.postMessage and chat.update (August 2026), and
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors
"""

import json

import pytest

from actions._slack_answer import Remedy, remedy
from actions.slack import Action, Settings
from alerts.notification import SendError, Thread
from outbound import Http
from tests.actions import notifications
from tests.far_sides.http_server import HttpServer

# Of a first message. Those that only an edit or a reply has are in EXISTING.
NEW: dict[Remedy, tuple[str, ...]] = {
    "again": (
        "fatal_error",
        "internal_error",
        "message_limit_exceeded",
        "org_login_required",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
    ),
    "smaller": (
        "attachment_payload_limit_exceeded",
        "invalid_arguments",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "metadata_must_be_sent_from_app",
        "metadata_too_large",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "slack_connect_canvas_sharing_blocked",
        "slack_connect_file_link_sharing_blocked",
        "slack_connect_lists_sharing_blocked",
        "too_many_attachments",
        "too_many_contact_cards",
    ),
    "operator": (
        "access_denied",
        "accesslimited",
        "account_inactive",
        "app_access_restricted",
        "as_user_not_supported",
        "cannot_reply_to_message",
        "channel_not_found",
        "deprecated_endpoint",
        "draft_already_deleted",
        "draft_already_sent",
        "draft_has_conflict",
        "draft_not_found",
        "duplicate_channel_not_found",
        "duplicate_message_not_found",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_arg_name",
        "invalid_array_arg",
        "invalid_auth",
        "invalid_charset",
        "invalid_form_data",
        "invalid_post_type",
        "is_archived",
        "is_bot",
        "markdown_text_conflict",
        "messages_tab_disabled",
        "method_deprecated",
        "missing_file_data",
        "missing_post_type",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "not_in_channel",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_locked",
        "restricted_action_thread_only_channel",
        "send_on_behalf_not_allowed",
        "team_access_not_granted",
        "team_not_found",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
        "unknown_method",
    ),
}
EXISTING: dict[Remedy, tuple[str, ...]] = {
    "again": (
        *NEW["again"],
        "external_channel_migrating",
        "update_failed",
    ),
    "smaller": NEW["smaller"],
    "anew": (
        "block_mismatch",
        "cannot_reply_to_message",
        "cant_update_message",
        "channel_not_found",
        "edit_window_closed",
        "is_archived",
        "is_inactive",
        "message_not_found",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
        "streaming_state_conflict",
        "team_not_found",
    ),
    "operator": (
        "access_denied",
        "accesslimited",
        "account_inactive",
        "as_user_not_supported",
        "blocked_file_type",
        "cant_broadcast_message",
        "deprecated_endpoint",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "file_deleted",
        "file_is_deleted",
        "file_not_found",
        "file_share_limit_reached",
        "invalid_arg_name",
        "invalid_array_arg",
        "invalid_auth",
        "invalid_charset",
        "invalid_form_data",
        "invalid_post_type",
        "is_bot",
        "markdown_text_conflict",
        "max_file_sharing_exceeded",
        "method_deprecated",
        "missing_post_type",
        "missing_scope",
        "no_dual_broadcast_content_update",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "posting_to_channel_denied",
        "slack_connect_blocked_file_type",
        "slack_connect_clip_sharing_blocked",
        "slack_connect_file_upload_sharing_blocked",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
        "unable_to_share_files",
        "unknown_method",
    ),
}
# With the status that comes along; https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks.
WEBHOOK: dict[str, tuple[int, Remedy]] = {
    "action_prohibited": (403, "operator"),
    "channel_is_archived": (410, "operator"),
    "channel_not_found": (404, "operator"),
    "invalid_attachments": (400, "smaller"),
    "invalid_blocks": (400, "smaller"),
    "invalid_blocks_format": (400, "smaller"),
    "invalid_payload": (400, "smaller"),
    "invalid_token": (403, "operator"),
    "missing_text_or_fallback_or_attachments": (400, "smaller"),
    "msg_too_long": (400, "smaller"),
    "no_active_hooks": (404, "operator"),
    "no_service": (404, "operator"),
    "no_service_id": (404, "operator"),
    "no_team": (404, "operator"),
    "no_text": (400, "smaller"),
    "posting_to_general_channel_denied": (403, "operator"),
    "rollup_error": (500, "again"),
    "team_disabled": (403, "operator"),
    "too_many_attachments": (400, "smaller"),
    "user_not_found": (400, "operator"),
}


@pytest.mark.parametrize(("expected", "word"), [(each, word) for each, words in NEW.items() for word in words])
def test_an_error_of_a_first_message_has_a_remedy(expected: Remedy, word: str) -> None:
    """There is nothing to post anew."""
    assert expected == remedy(word)


@pytest.mark.parametrize(("expected", "word"), [(each, word) for each, words in EXISTING.items() for word in words])
def test_an_error_of_an_edit_or_a_reply_has_a_remedy(expected: Remedy, word: str) -> None:
    """What is not there, or is not to be changed any more, is posted anew."""
    assert expected == remedy(word, existing=True)


@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize("word", ["", "200", "something_new", "Invalid_Blocks", "invalid_blocks "])
def test_what_is_unknown_is_the_operators(word: str, existing: bool) -> None:
    """Sending the same again would not help, and sending less might tell less than could be told."""
    assert "operator" == remedy(word, existing=existing)


@pytest.mark.parametrize(("word", "status", "expected"), [(word, *each) for word, each in WEBHOOK.items()])
def test_an_error_of_a_webhook_has_a_remedy(http: Http, word: str, status: int, expected: Remedy) -> None:
    """By its word; what it would take smaller is sent smaller, and what is over is over at once."""
    with HttpServer() as server:
        server.answer_next(status, word.encode())
        server.answer_next(200, b"ok")
        action = Action(Settings.model_validate({"api_url": server.url}), http)
        if expected == "smaller":
            assert action.send(notifications.seed(), Thread(), 5).detail.endswith(f"Slack: status {status}: {word}")
        else:
            with pytest.raises(SendError) as raised:
                action.send(notifications.seed(), Thread(), 5)
            assert (word, expected == "operator") == (raised.value.word, raised.value.permanent)
        assert (2 if expected == "smaller" else 1) == len(server.requests)


@pytest.mark.parametrize(("expected", "word"), [(each, word) for each, words in NEW.items() for word in words])
def test_an_error_of_the_web_api_is_heeded(http: Http, expected: Remedy, word: str) -> None:
    """What can help is done: at once, later, or by somebody."""
    with HttpServer() as server:
        server.answer_next(200, json.dumps({"ok": False, "error": word}).encode())
        server.answer_next(200, b'{"ok":true,"channel":"C1","ts":"1.2"}')
        action = Action(Settings.model_validate({"app_token": "xoxb-0", "app_url": server.url, "channel": "c"}), http)
        if expected == "smaller":
            detail = action.send(notifications.seed(), Thread(), 5).detail
            assert f"posted a part of it; of the whole said Slack: {word}" == detail
        else:
            with pytest.raises(SendError) as raised:
                action.send(notifications.seed(), Thread(), 5)
            assert (word, expected == "operator") == (raised.value.word, raised.value.permanent)
