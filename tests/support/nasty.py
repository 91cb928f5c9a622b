"""Texts that YAML, templates or shells like to change."""

CONTROLS = "".join(map(chr, range(0x01, 0x20)))
"""All control characters of ASCII but NUL, which no environment can hold, and DEL."""

NASTY: dict[str, str] = {
    "controls": CONTROLS,
    **{f"control {ord(letter):#04x}": f"a{letter}b" for letter in CONTROLS},
    "line separators": "a\u2028b\u2029c",
    "byte order mark": "\ufeffa\ufeff",
    "beyond the basic plane": "🎉\U0010ffff",
    "quotes": """'single' "double" `back` ''""",
    "a template": "{{ .Values }} {{- `x` -}} $(NAME) ${NAME} $$(NAME) %s %!d",
    "leading and trailing spaces": "  \t a \t  ",
    "only spaces": "   ",
    "lines": "a\nb\r\nc\n\n\n",
    "lines with an indent": "\n   a\n b\n      c",
    "a tab first": "\ta",
    "yes": "yes",
    "null": "null",
    "tilde": "~",
    "hex": "0x1f",
    "octal": "0777",
    "sexagesimal": "12:30:45",
    "number": "10000000",
    "float": "1e3",
    "infinity": ".inf",
    "date": "2026-01-01",
    "merge key": "<<",
    "a document's end": "---\n...\n# not a comment",
    "comment": "a # b",
    "anchor": "&a *a !tag |\n >",
    "json": '{"a": [1, "b\\u0085"]}',
    "backslashes": "\\x41\\u0085\\n\\",
    "percent": "%YAML 1.1",
    "combined": "e\u0301\u202eabc\u200b",
    "empty": "",
    "very long": "wört " * 800,
    "long with line ends": ("x" * 150 + " \n ") * 20,
}
"""Texts by what they are, none longer than a variable may be."""

UNHELD = (*map(chr, range(0x7F, 0xA0)), "\ufffe", "\uffff")
"""Kubernetes' server-side apply, which reads YAML, cannot carry these characters."""
