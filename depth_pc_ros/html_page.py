"""The look of all HTML pages that this package writes: each is one file, and needs nothing from elsewhere."""

import base64

from jinja2 import Environment, StrictUndefined

_STYLE = """
:root { --ink: #0f172a; --soft: #64748b; --line: #e2e8f0; --blue: #2563eb; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); margin: 0 auto; max-width: 1280px; padding: 28px; }
h1 { font-size: 26px; margin: 0; } h2 { font-size: 20px; margin: 52px 0 10px; border-top: 2px solid var(--ink);
padding-top: 14px; } h3 { font-size: 15px; margin: 26px 0 6px; }
p, li { color: #334155; } .soft, .facts li { color: var(--soft); font-size: 13px; }
.facts { padding-left: 18px; margin: 8px 0; } .facts li { overflow-wrap: anywhere; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px; white-space: nowrap; }
th { text-align: right; color: var(--soft); font-weight: 600; border-bottom: 1.5px solid var(--ink); padding: 5px 9px; }
td { text-align: right; padding: 4px 9px; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
.word { text-align: left; } tr.total td { font-weight: 650; border-bottom: 1.5px solid #94a3b8; background: #f8fafc; }
td.share, tr.total td.share { background: linear-gradient(90deg, #bfdbfe var(--share), transparent var(--share)); }
td.failures { color: #b91c1c; white-space: normal; min-width: 130px; }
img { max-width: 100%; height: auto; display: block; }
.cases { display: grid; grid-template-columns: repeat(auto-fill, minmax(560px, 1fr)); gap: 16px; }
figure { margin: 0; border: 1px solid var(--line); border-radius: 8px; overflow: hidden; background: #fff; }
figure img { width: 100%; } figcaption { font-size: 13px; padding: 7px 11px; }
.bad { color: #b91c1c; font-weight: 600; }
.none { padding: 38px 11px; text-align: center; background: #f1f5f9; color: var(--soft); font-size: 13px; }
nav a { color: var(--blue); text-decoration: none; margin-right: 18px; font-size: 14px; }
"""


def rendered(template: str, **values) -> str:
    """A page in the style of all pages, from a Jinja2 template that escapes every text it is given."""
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters["base64"] = lambda data: base64.b64encode(data).decode()
    return environment.from_string(template).render(style=_STYLE, **values)
