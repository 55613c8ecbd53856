"""What is left of HTML that acts and loads: its words."""

from __future__ import annotations

import pytest

from jobs.checks.plain_html import plain


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('<p class="lead" onclick="go()">a &lt; b &amp; c</p>', '<p class="lead">a &lt; b &amp; c</p>'),
        ('<script src="https://x.y/z.js">load()</script>after', "after"),
        ('<style>@import "//x.y/z.css";</style>after', "after"),
        ('before<link rel="stylesheet" href="//x.y/z.css"><img src=http://x.y/z.png>after', "beforeafter"),
        ('<a href="https://x.y/?firm=7">words</a>', "words"),
        ('<div style="background: url(//x.y/z.png)"><iframe src="http://x.y"></iframe></div>', "<div></div>"),
        ("<svg><script>load()</script><image href='http://x.y'/></svg>after", "after"),
        ("<button><b>press</b></button>after<br>end<br/>", "after<br>end<br>"),
        ('<td class="a&quot;><img src=//x.y>">1</td>', '<td class="a&quot;&gt;&lt;img src=//x.y&gt;">1</td>'),
        ("&lt;script&gt;load()&lt;/script&gt;", "&lt;script&gt;load()&lt;/script&gt;"),
        ("<SCRIPT>load()</SCRIPT><meta http-equiv=refresh content='0;url=//x.y'>after", "after"),
        ("a</script>b", "ab"),
    ],
)
def test_what_acts_or_loads_is_left_out(text, left):
    assert plain(text) == left
