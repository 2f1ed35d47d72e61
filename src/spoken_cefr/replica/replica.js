// Our own script, with the class behaviour of the site's components. An accordion that has
// `data-source` is filled on its first opening.
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
