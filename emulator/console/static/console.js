// Keyboard shortcuts, copy buttons and local times. Every page works without this script.
"use strict";
(() => {
  const KEYS_OFF = "registry-console-keys-off";
  const rows = () => [...document.querySelectorAll("[data-row]")];
  const link = (row) => row.querySelector("a.primary");
  const go = (url) => { if (url) location.assign(url); };
  const follow = (selector) => { const found = document.querySelector(selector); if (found) go(found.href); };
  const isOff = () => { try { return localStorage.getItem(KEYS_OFF) === "1"; } catch { return false; } };
  const isTyping = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;
  const current = () => document.activeElement?.closest("[data-row]");

  function move(step) {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(current());
    const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step));
    link(all[next]).focus();
    all[next].scrollIntoView({ block: "nearest" });
  }

  function decide(key, attribute) {
    const row = current();
    if (row?.dataset[attribute]) return go(row.dataset[attribute]);
    follow(`[data-key="${key}"]`);
  }

  const place = (key) => document.querySelector(`.top nav a[data-go="${CSS.escape(key)}"]`);
  const actions = {
    j: () => move(1),
    k: () => move(-1),
    a: () => decide("a", "approve"),
    r: () => decide("r", "reject"),
    n: () => follow("[data-next]"),
    x: () => { const tick = current()?.querySelector("input[type=checkbox]"); if (tick) tick.click(); },
    c: () => document.querySelector("form[data-compare]")?.requestSubmit(),
    "/": () => document.querySelector("[data-filter]")?.focus(),
    "?": () => document.getElementById("keys")?.showModal(),
  };
  let wentTo = -Infinity;

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]") || isOff() && event.key !== "?") return;
    const to = event.timeStamp - wentTo < 1500 && place(event.key);
    if (to) {
      wentTo = -Infinity;
      event.preventDefault();
      return go(to.href);
    }
    if (event.key === "g") { wentTo = event.timeStamp; return; }
    if (actions[event.key]) { event.preventDefault(); actions[event.key](); }
  });

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-keys]");
    const copier = event.target.closest("[data-copy]");
    if (opener) { event.preventDefault(); document.getElementById("keys").showModal(); }
    if (copier) copy(copier);
  });

  async function copy(button) {
    const text = document.getElementById(button.dataset.copy).textContent;
    const words = button.textContent;
    try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; }
    catch { button.textContent = "Select the text to copy it"; }
    setTimeout(() => { button.textContent = words; }, 2000);
  }

  function enhance(within) {
    for (const button of within.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
    for (const time of within.querySelectorAll("time[data-local]")) {
      const local = new Date(time.dateTime).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
      time.title = [time.title, `${local} here`].filter(Boolean).join(", ");
      time.removeAttribute("data-local");
    }
  }

  const keys = document.querySelector("[data-keys-switch]");
  if (keys) {
    keys.checked = !isOff();
    keys.addEventListener("change", () => { try { localStorage.setItem(KEYS_OFF, keys.checked ? "0" : "1"); } catch { /* applies to this page only */ } });
  }
  document.addEventListener("htmx:after:swap", () => enhance(document));
  enhance(document);
})();
