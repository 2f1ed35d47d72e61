// What the browser does for us inside a page. Each call of it takes some milliseconds, so that
// `read` gives all that we want at once.

function read(selector) {
  const [visit] = performance.getEntriesByType("navigation");
  return {
    url: document.URL,
    base: document.baseURI,
    waits: window.__waits ? window.__waits() : false,
    size: document.querySelectorAll("*").length,
    status: visit ? visit.responseStatus : null,
    found: document.querySelector(selector) !== null,
    html: "<!DOCTYPE html>\n" + document.documentElement.outerHTML,
  };
}

// Before any script of the page: counts what the page still waits for, timers and requests, so
// that a page which adds its cards one by one is read when they are all there.
function watch() {
  const timers = new Set(), {setTimeout: start, clearTimeout: stop, fetch: get} = window;
  let requests = 0;
  window.setTimeout = (call, ms = 0, ...more) => {
    if (typeof call !== "function") return start(call, ms, ...more);
    const id = start(() => { timers.delete(id); call(...more); }, ms);
    if (ms <= 5000) timers.add(id);
    return id;
  };
  window.clearTimeout = (id) => { timers.delete(id); stop(id); };
  window.fetch = (...what) => { requests++; return get(...what).finally(() => { requests--; }); };
  const send = XMLHttpRequest.prototype.send;
  XMLHttpRequest.prototype.send = function (...body) {
    requests++;
    this.addEventListener("loadend", () => { requests--; });
    return send.apply(this, body);
  };
  window.__waits = () => document.readyState !== "complete" || timers.size + requests > 0;
}

// Opens the accordion of one card and tells whether it shows its address in time.
// It clicks again and again, because the site's script may not listen yet.
function openAccordion(selectors, ending, index, limitMs, done) {
  const section = document.querySelectorAll(selectors.card)[index]
    .querySelector(selectors.accordion);
  const audio = new RegExp(ending, "i"), end = performance.now() + limitMs;
  function step(tick) {
    if (audio.test(section.innerHTML)) return done(true);
    if (performance.now() > end) return done(false);
    if (tick % 10 === 0) {
      section.querySelectorAll(`${selectors.button}[aria-expanded='false']`)
        .forEach((button) => button.click());
    }
    setTimeout(step, 10, tick + 1);
  }
  step(0);
}

// Presses "show more" below the last card; gives how many cards there were, or null without such
// a control. One that leads to an address is the pager's matter.
function pressMore(selectors, labels) {
  const cards = document.querySelectorAll(selectors.card), last = cards[cards.length - 1];
  const folded = (text) => (text || "").normalize("NFD").replace(/[\u0300-\u036f]/g, "")
    .toLowerCase().replace(/\s+/g, " ").trim();
  const isMore = (one) => [one.textContent, one.ariaLabel, one.title]
    .some((text) => labels.includes(folded(text)));
  const isOn = (one) => !one.disabled && one.ariaDisabled !== "true" && one.offsetParent !== null;
  const leadsNowhere = (one) => /^(#|javascript:|$)/i.test(one.getAttribute("href") || "");
  const follows = (one) => !last.contains(one)
    && last.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING;
  const control = last && [...document.querySelectorAll(selectors.control)]
    .find((one) => follows(one) && isMore(one) && isOn(one) && leadsNowhere(one));
  if (!control) return null;
  control.click();
  return cards.length;
}

function countCards(selectors) {
  return document.querySelectorAll(selectors.card).length;
}
