"""Certificates for far sides that speak TLS."""

import shutil
import subprocess
from pathlib import Path

from tests.far_sides.process import require


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Makes a certificate for 127.0.0.1 that signed itself, and its key."""
    require("openssl")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = [str(shutil.which("openssl")), "req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"]
    command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=far side"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return cert, key
