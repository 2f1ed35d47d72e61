"""Our own style sheet and script, with the class behaviour of the site's components."""

STYLE = """\
body { font-family: sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
.fr-alert { border: 1px solid #888; border-left: .5rem solid #27a; margin: 1rem 0; padding: 1rem; }
.fr-pt-2w a, .fr-pagination__list li { display: inline-block; margin-right: .75rem; }
.fr-pagination__list { list-style: none; padding: 0; }
.fr-pagination__link:not([href]) { color: #888; }
.fr-quote { border-left: 2px solid #888; margin: 1rem 0; padding-left: 1rem; }
.fr-sr-only { position: absolute; width: 1px; height: 1px; overflow: hidden; clip: rect(0,0,0,0); }
.fr-collapse { max-height: 0; overflow: hidden; visibility: hidden; transition: visibility .3s; }
.fr-collapse--expanded { max-height: none; visibility: visible; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); gap: 1rem; }
footer { border-top: 1px solid #888; color: #555; font-size: .9rem; margin-top: 2rem; }
"""

# An accordion that has `data-source` is filled on its first opening.
SCRIPT = """\
"use strict";
async function toggle(button) {
  const panel = document.getElementById(button.getAttribute("aria-controls"));
  const open = button.getAttribute("aria-expanded") !== "true";
  button.setAttribute("aria-expanded", String(open));
  panel.classList.toggle("fr-collapse--expanded", open);
  const source = panel.dataset.source;
  if (source) {
    delete panel.dataset.source;
    panel.innerHTML = await (await fetch(source)).text();
  }
}
for (const button of document.querySelectorAll(".fr-accordion__btn")) {
  button.addEventListener("click", () => toggle(button));
}
document.documentElement.setAttribute("data-fr-js", "true");
"""
