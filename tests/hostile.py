"""What strangers write into tags: 100 texts that want to be more than text."""

from __future__ import annotations

_SCRIPTS = (
    "<script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned = 1'>",
    "<svg onload=window.pwned=1>",
    "</td></tr></table><script>window.pwned=1</script>",
    "\"><iframe srcdoc='<script>parent.pwned=1</script>'>",
    "' onmouseover='window.pwned=1' autofocus onfocus='window.pwned=1",
    "<a href=\"javascript:window.pwned=1\">click</a>",
    "<style>body{display:none}</style>",
    "<base href='https://example.org/'>",
    "<meta http-equiv=refresh content='0;url=https://example.org/'>",
    "<link rel=stylesheet href=https://example.org/a.css>",
    "<img src=https://example.org/pixel.gif>",
    "<math><mtext><img src=x onerror=window.pwned=1></mtext></math>",
    "{{constructor.constructor('window.pwned=1')()}}",
    "${window.pwned=1}",
    "`${window.pwned=1}`",
    "<!--<img src='--><img src=x onerror=window.pwned=1>",
    "<template><script>window.pwned=1</script></template>",
    "&lt;script&gt;window.pwned=1&lt;/script&gt;",
    "\\u003cscript\\u003ewindow.pwned=1\\u003c/script\\u003e",
)  # fmt: skip
_TEX = (
    "$\\href{javascript:window.pwned=1}{x}$",
    "$$\\unicode{60}script\\unicode{62}$$",
    "\\(x^2\\)",
    "\\[\\require{html}\\style{display:none}{x}\\]",
    "$\\def\\x{\\x}\\x$",
)
_LETTERS = (
    "\u202egnp.exe\u202c",
    "\u2066\u202e\u2069 turned",
    "\u200b\u200b\u200b",
    "e\u0301" * 60,
    "א" * 30 + "<b>",
    "\ufeff\u2028\u2029",
    "🙂" * 40,
    "\x1b[31mred\x07",
    "a" * 3000,
    "line\nline\r\nline\ttab",
)
_PATHS = ("../../../etc/passwd", "C:\\Windows\\system32", "file:///etc/passwd", "~/.ssh/id_rsa", "/dev/null")
_FORMULAS = ("=HYPERLINK('x')", "+1+1", "-1+cmd|' /C calc'!A0", "@SUM(1)", "[red]markup[/red]")
_CODES = ("'; DROP TABLE tracks; --", "%s %n %x", "{0.__class__}", "None", "NaN")

_BASIC = (*_SCRIPTS, *_TEX, *_LETTERS, *_PATHS, *_FORMULAS, *_CODES)
#: 50 texts, and each once more between harmless words, inside quotes.
HOSTILE = (*_BASIC, *(f'Blue "{text}" Monday' for text in _BASIC))
