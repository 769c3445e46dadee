"""Who one is to a mail server.

Source: https://www.rfc-editor.org/rfc/rfc4954 (AUTH), rfc4616 (PLAIN), rfc2195 (CRAM-MD5)
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

from actions._smtp_connection import Connection


@dataclass(frozen=True, slots=True)
class Login:
    """Who one is to a mail server; what is "" is not known.

    Attributes:
        secret: what CRAM-MD5 signs with, instead of sending a password.
        identity: whom one acts for.
    """

    username: str
    password: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    identity: str = ""

    @property
    def secrets(self) -> list[str]:
        """What must not be told, in each form in which it is sent."""
        plain = [each for each in (self.password, self.secret) if each]
        return [_base64(self.plain), *map(_base64, plain), *plain]

    @property
    def plain(self) -> str:
        """What AUTH PLAIN sends."""
        return f"{self.identity}\0{self.username}\0{self.password}"


def log_in(connection: Connection, login: Login, host: str) -> None:
    """Say who one is, if the server asks at all: by the first of its ways for which there is what it takes.

    Raises:
        SendError: there is none, or it does not know one.
    """
    if not connection.has_extn("auth"):
        return
    connection.doing = "AUTH"
    private = connection.encrypted or _is_loopback(host)
    offered = connection.esmtp_features["auth"].upper().split()
    for mechanism in offered:
        if mechanism == "CRAM-MD5" and login.secret:
            return _cram_md5(connection, login)
        # A password goes unencrypted by LOGIN alone, as Alertmanager has it, and only where require_tls is false.
        if mechanism == "PLAIN" and login.password and private:
            connection.judge(connection.docmd("AUTH", f"PLAIN {_base64(login.plain)}"))
            return
        if mechanism == "LOGIN" and login.password:
            connection.judge(connection.docmd("AUTH", "LOGIN"), wanted=3)
            connection.judge(connection.docmd(_base64(login.username)), wanted=3)
            connection.judge(connection.docmd(_base64(login.password)))
            return
    raise connection.error(f"AUTH: {_unusable(offered, login)}")


def _cram_md5(connection: Connection, login: Login) -> None:
    challenge = connection.judge(connection.docmd("AUTH", "CRAM-MD5"), wanted=3)
    signed = hmac.new(login.secret.encode(), base64.b64decode(challenge), "md5").hexdigest()
    connection.judge(connection.docmd(_base64(f"{login.username} {signed}")))


def _unusable(offered: Iterable[str], login: Login) -> str:
    kinds = ", ".join(offered)
    if login.password and "PLAIN" in offered:
        return f"offers {kinds}, and the password is not sent unencrypted: leave require_tls true"
    if login.password:
        return f"offers {kinds}; auth_password is for PLAIN and LOGIN, auth_secret for CRAM-MD5"
    return f"offers {kinds}; auth_secret is for CRAM-MD5 alone, set auth_password"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode(errors="replace")).decode()
