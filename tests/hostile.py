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
    "<svg/onload='window.pwned = 1'>",
    "</td></table><iframe srcdoc=\"<script>parent.pwned = 1</script>\">",
    "</script><script>window.pwned = 1</script>",
    "\"><body onpageshow='window.pwned = 1'>",
    "<style>@import 'javascript:window.pwned=1';</style>",
    "<details open ontoggle='window.pwned = 1'>",
    "<!--><script>window.pwned = 1</script>-->",
    "[x](javascript:window.pwned=1)",
    "{{ config }} {% raw %} ${7*7} `touch x`",
)  # fmt: skip
_TEX = (
    "$\\href{javascript:window.pwned=1}{x}$",
    "$$\\unicode{60}script\\unicode{62}$$",
    "\\(x^2\\)",
    "\\(\\require{html}\\style{position:fixed}{x}\\)",
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
    "\u0001\u0007 control \u2028 line",
    "%s%n %00 \ufeff",
)
_PATHS = ("../../../etc/passwd", "C:\\Windows\\system32\\..\\x", "file:///etc/passwd", "~/.ssh/id_rsa", "/dev/null")
_FORMULAS = ("=HYPERLINK('x')", "+1+1", "-1+cmd|' /C calc'!A0", "@SUM(1)", "[red]markup[/red]")
_CODES = ("'; DROP TABLE tracks; --", "%s %n %x", "{0.__class__}", "None", "NaN")

_BASIC = (*_SCRIPTS, *_TEX, *_LETTERS, *_PATHS, *_FORMULAS, *_CODES)
#: Each as it is, and those that fit in once more between harmless words, inside quotes.
HOSTILE = (*_BASIC, *(f'Blue "{text}" Monday' for text in _BASIC))[:100]
