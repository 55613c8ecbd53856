"""The lock file that set-up installs from."""

from __future__ import annotations

import re

from jobs.settings import resources

LOCK = resources.root() / "requirements.lock"


def test_every_package_is_locked_with_its_digests():
    entries = re.split(r"\n(?=[a-z0-9])", LOCK.read_text(encoding="utf-8"))
    assert len(entries) > 50
    for entry in entries:
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+", entry) and "--hash=sha256:" in entry, entry
