"""A certificate for 127.0.0.1 that nobody but a test trusts."""

import subprocess
from pathlib import Path


def make_certificate(folder: Path) -> tuple[str, str]:
    """Paths of the certificate and its key."""
    certificate, key = str(folder / "certificate.pem"), str(folder / "key.pem")
    key_options = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key)
    name = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2")
    subprocess.run(["openssl", "req", "-x509", *key_options, *name, "-out", certificate], check=True, capture_output=True)
    return certificate, key
