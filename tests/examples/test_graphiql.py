"""The explorer in a browser: its first question is ready to be asked."""

from __future__ import annotations

import html
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.examples.conftest import COURSE, STAFF, Installation
from tests.examples.programs import browse, chromium_or_skip

pytestmark = pytest.mark.slow


def test_the_first_question_has_its_variables(installation: Installation, tmp_path: Path) -> None:
    signed_in = urlencode({"token": installation.token(STAFF), "course": COURSE})
    page = browse(chromium_or_skip(), f"{installation.address}/graphiql#{signed_in}", tmp_path)
    lines = re.findall(r'<pre class="\s*CodeMirror-line\s*"[^>]*>(.*?)</pre>', page)
    shown = [html.unescape(re.sub(r"<[^>]+>", "", line)).strip() for line in lines]
    assert "query Class($course: ID!) {" in shown
    assert f'"course": "{COURSE}"' in shown
