// The language in use: as remembered, else as the browser prefers; views are told of a change.

import { WORDS } from "./words.js";

const KEPT = "pneumoscope.language";
const listeners = [];
let words = WORDS[kept() ?? preferred()];

function kept() {
  const name = remembered(KEPT);
  return name in WORDS ? name : null;
}

function preferred() {
  const offered = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
  return offered.find((name) => name in WORDS) ?? "en";
}

/** The sentence `key` with `values` in its places. */
export function t(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function language() {
  return words.language;
}

/** `told` is called now and after every change of language. */
export function onLanguage(told) {
  listeners.push(told);
  told();
}

/** Takes the other language, and remembers it. */
export function otherLanguage() {
  words = WORDS[words.language === "en" ? "ko" : "en"];
  remember(KEPT, words.language);
  listeners.forEach((told) => told());
}

/** Fills whatever below `root` names its words: text, label (aria) or title. */
export function translate(root) {
  document.documentElement.lang = words.language;
  for (const part of root.querySelectorAll("[data-t]")) part.textContent = t(part.dataset.t);
  for (const part of root.querySelectorAll("[data-t-label]"))
    part.setAttribute("aria-label", t(part.dataset.tLabel));
  for (const part of root.querySelectorAll("[data-t-title]")) part.title = t(part.dataset.tTitle);
}

/** A share as a percentage; never a bare 0 or 100, which no probability is. */
export function percent(share) {
  if (share < 0.001) return "<0.1 %";
  if (share > 0.999) return ">99.9 %";
  return `${(100 * share).toFixed(1)} %`;
}

/** A share that is given, not computed, as a percentage. */
export function share(part) {
  return `${Number((100 * part).toPrecision(3))} %`;
}

/** What was remembered under `key`; null where the browser keeps nothing. */
export function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // A browser that keeps nothing starts afresh the next time.
  }
}
