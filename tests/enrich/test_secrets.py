"""What looks like a secret is struck out, what does not stays, and no line takes longer than its length."""

import time

import pytest

from enrich._secrets import masked

HEX = "0a1b2c3d" * 5
BASE64 = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SECRET = "hunter2"


def line(text: str) -> str:
    """Returns what is left of one line."""
    (found,) = masked([text])
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("password=hunter2 user=bob", "password=*** user=bob"),
        ("DB_PASSWORD: hunter2", "DB_PASSWORD: ***"),
        ("password:               hunter2", "password:               ***"),
        ("password  =     hunter2", "password  =     ***"),
        ("db_pass: hunter2", "db_pass: ***"),
        ("pw=hunter2 spin=3", "pw=*** spin=3"),
        ("spring.datasource.password = hunter2", "spring.datasource.password = ***"),
        ('{"token": "hunter2", "msg": "boom"}', '{"token": "***", "msg": "boom"}'),
        ('{"accessToken":"a\\"hunter2","x":1}', '{"accessToken":"***","x":1}'),
        (r'{"m":"{\"token\":\"a\\\"hunter2\",\"x\":1}"}', r'{"m":"{\"token\":\"***\",\"x\":1}"}'),
        ('client_secret="hunter2', 'client_secret="***'),
        ("?api_key=hunter2&page=2", "?api_key=***&page=2"),
        ("AccountKey=hunter2;EndpointSuffix=x", "AccountKey=***;EndpointSuffix=x"),
        ("--db-password hunter2 --verbose", "--db-password *** --verbose"),
        ("Authorization: Digest username=bob, response=hunter2", "Authorization: ***"),
        ('{"authorization":"Bearer hunter2-hunter2","host":"y"}', '{"authorization":"***","host":"y"}'),
        ("sent Bearer hunter2-hunter2 to x", "sent Bearer *** to x"),
        ("token: Bearer hunter2-hunter2", "token: *** ***"),
        ("Set-Cookie: sid=hunter2; Path=/", "Set-Cookie: ***"),
        ("connect postgres://bob:hunter2@db:5432/x failed", "connect postgres://***@db:5432/x failed"),
        ("amqp://bob:hunt@er2@mq", "amqp://***@mq"),
        ("bob:hunter2@tcp(db:3306)/shop", "bob:***@tcp(db:3306)/shop"),
        ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl here", "got *** here"),
        ("key AKIAIOSFODNN7EXAMPLE refused", "key *** refused"),
        (f"secret key {BASE64} refused", "secret key *** refused"),
        ("ghp_abcdefghijklmnopqrst1234 expired", "*** expired"),
        ("post to https://hooks.slack.com/services/T0/B0/abc123", "post to https://hooks.slack.com/services/***"),
        ("xoxb-1234567890-abcdef was revoked", "*** was revoked"),
        (f"session {HEX} ended", "session *** ended"),
        (f"id={HEX}", "id=***"),
        ("k=q3m9z7k1x5w2v8n4b6c0l3j7h5g1f9d2", "k=***"),
        ("-----BEGIN RSA PRIVATE KEY-----\\nMIIE\\n-----END RSA PRIVATE KEY-----", "***"),
    ],
)
def test_strikes_out(text: str, expected: str) -> None:
    """What is behind a name, what begins as known keys do, and what only a generator makes."""
    assert expected == line(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "panic: runtime error: index out of range [5] with length 3",
        "\tat com.example.shop.AbstractHandlerMethodMapping2$Inner.invoke(AbstractHandlerMethodMapping2.java:12)",
        '  File "/usr/local/lib/python3.11/site-packages/requests/adapters.py", line 501, in send',
        "customer-rs-transformer-9b75b488c-cpfd7-2f6d8b-x7k2p failed",
        "Back-off restarting failed container app in pod cart-7d9f-x1_shop(8a6f6c1c-6c3b-4c3e-9f7a-0a1b2c3d4e5f)",
        f'Successfully pulled image "registry.example/shop/cart@sha256:{HEX}{HEX[:24]}" in 1.2s',
        'MountVolume.SetUp failed for volume "db" : secret "db-credentials" not found',
        "SyntaxError: Unexpected token < in JSON at position 0",
        "InvalidTokenException: no such user",
        "2026-11-21T09:30:00.123456789Z level=error msg=boom path=/api/v1/users?limit=10",
        "see https://docs.example/a/b#c and mail@example.com at 12:30",
        "passed 3 tests, 12 secrets were rotated",
    ],
)
def test_lets_be(text: str) -> None:
    """What says why something crashed is not struck out."""
    assert text == line(text)


def test_strikes_out_a_key_of_many_lines() -> None:
    """Between its first and its last line, either of which may be missing."""
    key = ["-----BEGIN PRIVATE KEY-----", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "Ab3=", "-----END PRIVATE KEY-----"]
    struck = ["***"] * 4
    assert ["before", *struck, "after: all"] == list(masked(["before", *key, "after: all"]))
    assert [*struck[1:], "after: all"] == list(masked([*key[1:], "after: all"]))
    assert ["before it", *struck[:3]] == list(masked(["before it", *key[:3]]))


@pytest.mark.parametrize(
    "piece",
    [
        "a", "-", "a-", "a:", "0a", "aB1", "=", "\\", '"', "token", "token=", 'token="', 'token="\\', 'token=\\"', "@",
        "authorization", "authorization='", "bearer ", "--token ", "://", "://a:", "eyJ", "eyJaaaaaa.", "sk-", " ",
        "-----BEGIN", "a" * 64 + ":", "0a" * 20 + "z", "passwd\t", "токен",
    ],
)  # fmt: skip
def test_takes_no_longer_than_its_length(piece: str) -> None:
    """Ten times the length is not a hundred times the work, whatever a line is made of."""
    seconds = []
    for length in (20_000, 200_000):
        text = (piece * length)[:length]
        before = time.process_time()
        line(text)
        seconds.append(time.process_time() - before)
    assert seconds[1] < 30 * max(seconds[0], 0.005)
    # A megabyte in some three seconds.
    assert seconds[1] < 3
