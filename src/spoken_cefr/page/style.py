"""Colours and style sheet of the page; `PAIRS` is what a test checks for contrast."""

INK, PAPER = "#1a1a1a", "#ffffff"
MUTED = "#4d4d4d"
ACCENT = "#00508c"
BAR = "#0072b2"  # Okabe and Ito's blue
GRID = "#8a8a8a"
MARK = "#ffe08a"
WARNING_INK, WARNING = "#5c4400", "#fff3cd"
ERROR_INK, ERROR = "#7a1212", "#fde8e8"

# Foreground, background, and the contrast that WCAG 2.2 demands: 4.5 for text (1.4.3),
# 3 for what a figure is made of (1.4.11).
PAIRS: tuple[tuple[str, str, float], ...] = (
    (INK, PAPER, 4.5),
    (MUTED, PAPER, 4.5),
    (ACCENT, PAPER, 4.5),
    (PAPER, ACCENT, 4.5),
    (INK, MARK, 4.5),
    (WARNING_INK, WARNING, 4.5),
    (ERROR_INK, ERROR, 4.5),
    (BAR, PAPER, 3.0),
    (GRID, PAPER, 3.0),
)

# No font is fetched: system fonts only.
CSS = f"""
:root {{ color-scheme: only light; }}
html[lang=fr] .cefr [lang=en]:not(.only), html:not([lang=fr]) .cefr [lang=fr] {{ display: none; }}
.gradio-container {{ max-width: 1000px !important; margin: 0 auto !important; }}
.gradio-container {{ --neutral-400: {MUTED}; --body-text-color-subdued: {MUTED}; }}
.cefr {{ color: {INK}; background: {PAPER}; padding: 0.8em 1em; border-radius: 8px; }}
.cefr:empty {{ display: none; }}
.cefr h1 {{ font-size: 1.5em; margin: 0 0 0.3em; color: {INK}; }}
.cefr h2 {{ font-size: 1.3em; margin: 0; color: {INK}; }}
.cefr h3 {{ font-size: 1.1em; margin: 1.2em 0 0.4em; color: {INK}; }}
.cefr .level {{ font-size: 2.4em; font-weight: 700; color: {ACCENT}; }}
.cefr .muted {{ color: {MUTED}; }}
.cefr .note, .cefr .error {{ padding: 0.5em 0.8em; border-radius: 6px; }}
.cefr .note {{ color: {WARNING_INK}; background: {WARNING}; }}
.cefr .error {{ color: {ERROR_INK}; background: {ERROR}; }}
.cefr table {{ border-collapse: collapse; width: 100%; color: {INK}; }}
.cefr th, .cefr td {{ text-align: right; padding: 0.15em 0.5em; border-bottom: 1px solid {GRID}; }}
.cefr th:first-child, .cefr td:first-child {{ text-align: left; }}
.cefr .near {{ font-weight: 700; background: {MARK}; }}
.cefr .bars {{ width: 100%; max-width: 32em; }}
.cefr .bars td, .cefr .bars th {{ border: 0; }}
.cefr .bars .bar {{ display: block; height: 1em; background: {BAR}; }}
.cefr .bars td:nth-child(2) {{ width: 75%; }}
.cefr .scroll {{ overflow-x: auto; border: 1px solid {GRID}; }}
.cefr .scroll:focus-visible, .cefr a:focus-visible {{ outline: 3px solid {ACCENT}; }}
.cefr .transcript {{ line-height: 1.7; color: {INK}; }}
.cefr mark {{ background: {MARK}; color: {INK}; border-radius: 3px; padding: 0 0.15em; }}
.cefr a {{ color: {ACCENT}; text-decoration: underline; margin-right: 1.5em; }}
"""
