"""Pieces of the page, and files: what reporting.figures and report.py share."""
import base64
import contextlib
import html
import json
import os
import re
import shlex

NUMBERS = re.compile("[-0-9.e−–<>≤≥±…()%, ]+(of [0-9]+)?(pixels)?")


class ReportError(Exception):
    """A file of the results that cannot be shown: one line, with its name."""


def number(value):
    """Three significant digits; a dash for what is not there (JSON has no NaN)."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    shown = str(value) if isinstance(value, int) else f"{value:.3g}"
    digits, e, exponent = shown.partition("e")
    return (digits + (f"e{int(exponent)}" if e else "")).replace("-", "−")  # at which lines do not break


def percent(value):
    return "–" if value is None else f"{100 * value:.3g} %"


def interval(value, bounds, text=number):
    return f"{text(value)} ({text(bounds[0])} … {text(bounds[1])})"


def shown(text):
    """A text that UTF-8 can write: bytes of names that are not UTF-8 become \\xNN, as in the programs' JSON."""
    text = str(text)
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half a character, from a JSON file
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def escape(text):
    return html.escape(shown(text), quote=True)


def element(tag, content, **attributes):
    """An element whose content is HTML already."""
    names = "".join(f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"' for name, value in attributes.items())
    return f"<{tag}{names}>{content}</{tag}>"


def paragraph(text, **attributes):
    return element("p", escape(text), **attributes)


def table(caption, headers, rows):
    """The first column names the row; columns of numbers are aligned to the right, long texts get some width."""
    columns = list(zip(*rows)) or [()] * len(headers)

    def kind(column):
        if max((len(text(value)) for value in column), default=0) > 40:
            return "long"
        numbers = sum(NUMBERS.fullmatch(text(value)) is not None for value in column)
        return "number" if 2 * numbers > len(column) else "short"

    kinds = [kind(column) if i else "name" for i, column in enumerate(columns)]
    head = "".join(element("th", escape(name), scope="col", class_=kind) for name, kind in zip(headers, kinds))
    body = "".join(element("tr", "".join(
        element("td" if i else "th", escape(text(value)), class_=kinds[i], **({} if i else {"scope": "row"}))
        for i, value in enumerate(row))) + "\n" for row in rows)
    return paragraph(caption, class_="caption") + element("div", element(
        "table", element("thead", element("tr", head)) + element("tbody", body), aria_label=caption),
        class_="scroll", tabindex="0")


def text(value):
    return value if isinstance(value, str) else number(value)


def details(summary, content):
    return element("details", element("summary", escape(summary)) + content)


def command_text(words):
    return element("pre", element("code", escape(shlex.join(str(word) for word in words))))


def read_json(path, program=None):
    """The object in a JSON file. Raises ReportError when it is damaged or of another program."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise ReportError(f"{path}: is damaged or cannot be read: {problem}") from None
    if not isinstance(content, dict):
        raise ReportError(f"{path}: expected a JSON object")
    if program is not None and content.get("program") != program:
        raise ReportError(f"{path}: is of the program {content.get('program')!r}, expected {program!r}")
    return content


def picture(path, description):
    """The picture inside the page, as it is; a sentence where it has not been drawn."""
    if not path.exists():
        return paragraph(f"{path.name} is not there (plots need gnuplot).", class_="faint")
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise ReportError(f"{path}: cannot be read: {problem}") from None
    if content[:8] != b"\x89PNG\r\n\x1a\n" or len(content) < 24 or b"IEND" not in content[-12:]:
        raise ReportError(f"{path}: is not a whole PNG")
    width, height = (int.from_bytes(content[at:at + 4], "big") for at in (16, 20))
    image = (f'<img class="{"wide" if width > 700 else "narrow"}" width="{width}" height="{height}" '
             f'alt="{escape(description)}" src="data:image/png;base64,{base64.b64encode(content).decode()}">')
    return element("figure", element("div", image, class_="picture", tabindex="0") +
                   element("figcaption", escape(description)))


def write_whole(path, content):
    """Writes a file so that it is there whole or not at all. Raises ReportError."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(unfinished, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as problem:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise ReportError(f"{path}: cannot be written: {problem.strerror}") from None
