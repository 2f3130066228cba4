// Reasons and notes of the reader, which it gives in English, in the page's language.

import { terms, sentences } from "./reasons.ko.js"; // made by the service, from the reader's own list

const patterns = Object.entries(sentences).map(([text, said]) => [pattern(text), said]);

/** A sentence with places in braces, as what finds it. */
function pattern(text) {
  const plain = text.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
  return new RegExp(`^${plain.replace(/\{(\w+)\}/g, "(?<$1>.+?)")}$`);
}

/** `text` in `language`; what has no translation stays as the reader says it. */
export function reasonIn(language, text) {
  return language === "ko" ? korean(text) : text.charAt(0).toUpperCase() + text.slice(1);
}

function korean(text) {
  if (Object.hasOwn(terms, text)) return terms[text];
  for (const [found, said] of patterns) {
    const places = found.exec(text)?.groups;
    if (places) return said.replace(/\{(\w+)\}/g, (_, name) => korean(places[name]));
  }
  return text;
}
