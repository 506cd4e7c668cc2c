"""A page that stands by itself: no script, no other file, prints on paper. All that a camera says is escaped."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from edge.probe.facts import Facts, Report, Severity
from edge.probe.rows import Row, legend, plate_columns, plate_row, sections, wanted
from edge.probe.words import Words

_STYLE: Final = """
:root { color-scheme: light; }
body { font: 15px/1.45 system-ui, sans-serif; color: #1b1f23; margin: 2rem auto; max-width: 66rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 1.6rem 0 .4rem; }
p.sub, p.want { color: #57606a; margin: .2rem 0 1rem; }
p.verdict { font-size: 1.15rem; font-weight: 600; padding: .6rem .9rem; border-left: .5rem solid; margin: 1rem 0; }
p.fit { border-color: #2da44e; background: #eaf6ec; } p.short { border-color: #d4860b; background: #fdf3e1; }
p.unknown { border-color: #6e7781; background: #f0f1f2; } p.unusable { border-color: #cf222e; background: #fdecea; }
ol { padding-left: 1.4rem; } li { margin: .35rem 0; }
li b { font-weight: 600; color: #9a5b00; } li i { color: #57606a; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .5rem; border-bottom: 1px solid #d8dee4; vertical-align: top; }
th { font-weight: 600; } td.n { text-align: right; font-variant-numeric: tabular-nums; }
img.scene { max-width: 100%; border: 1px solid #d8dee4; } td img { width: 130px; display: block; }
.cards { display: grid; grid-template-columns: 1fr 1fr; gap: 0 2rem; }
@media (max-width: 50rem) { .cards { grid-template-columns: 1fr; } }
@media print {
  body { margin: 0; max-width: none; font-size: 10px; } td, th { padding: .15rem .3rem; }
  td img { width: 100px; } tr, li, img { break-inside: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""

_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(report: Report, words: Words, *, scene: bytes | None, crops: Mapping[int, bytes]) -> str:
    """The whole page.

    Args:
        report: with worded advice.
        words: of its language.
        scene: JPEG of the picture that shows most.
        crops: JPEG of each plate, by number.
    """
    title = f"{words['title']}: {report.camera}"
    at = report.looked_at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    facts = report.facts
    watched = f"{facts.stream.watched_s:.0f} s" if facts else ""
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="sub">{escape(report.address)} · {escape(words["looked_at"])} {escape(at)} '
        f"{escape(words['minutes'])} {watched} · {escape(words['secret'])}</p>",
        f'<p class="verdict {report.verdict}">{escape(words.verdict(report.verdict))}</p>',
        f"<h2>{escape(words['advice'])}</h2>",
        _advice(report, words),
    ]
    if scene is not None:
        parts.append(f"<h2>{escape(words['picture'])}</h2>{_image(scene, 'scene', words['picture'])}")
    if facts is not None:
        parts += [_plates(facts, words, crops), _cards(sections(facts, words))]
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="{words.lang}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _advice(report: Report, words: Words) -> str:
    if not report.advice:
        return f"<p>{escape(words['nothing'])}</p>"
    items = []
    for advice in report.advice:
        is_short = advice.severity is Severity.SHORT
        kind = f"<b>{escape(words['shorts'])}</b>" if is_short else f"<i>{escape(words['hints'])}</i>"
        items.append(f"<li>{kind} · {escape(advice.text)}</li>")
    return f"<ol>{''.join(items)}</ol>"


def _plates(facts: Facts, words: Words, crops: Mapping[int, bytes]) -> str:
    columns = plate_columns(words)
    heads = "".join(f"<th>{escape(name)}</th>" for name in (*columns[:1], "", *columns[1:]))
    rows = []
    for plate in facts.plates:
        number, *cells = plate_row(plate, words)
        image = _image(crops[plate.number], "", f"#{number}") if plate.number in crops else ""
        rest = "".join(f"<td>{escape(cell)}</td>" for cell in cells[:2])
        rest += "".join(f'<td class="n">{escape(cell)}</td>' for cell in cells[2:])
        rows.append(f"<tr><td>{escape(number)}</td><td>{image}</td>{rest}</tr>")
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>" if rows else ""
    under = escape(f"{wanted(words)} {legend(facts, words)}")
    return f'<h2>{escape(words["plates"])}</h2><p class="want">{under}</p>{table}'


def _cards(found: Iterable[tuple[str, list[Row]]]) -> str:
    cards = []
    for heading, rows in found:
        cells = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in rows)
        cards.append(f"<section><h2>{escape(heading)}</h2><table>{cells}</table></section>")
    return f'<div class="cards">{"".join(cards)}</div>'


def _image(jpeg: bytes, kind: str, alt: str) -> str:
    data = b64encode(jpeg).decode("ascii")
    return f'<img class="{kind}" alt="{escape(alt)}" src="data:image/jpeg;base64,{data}">'
