// The work list: a list box of which one film is chosen, with roving focus.

import { make } from "./dom.js";
import { percent, t } from "./language.js";

/** Rows of films in `box`; `chosen(film, byClick)` is told who is chosen, `removed(film)` who shall go. */
export class List {
  constructor(box, { chosen, removed }) {
    this.box = box;
    this.rows = new Map(); // film -> its row
    this.selected = null;
    this.facts = null;
    this.chosen = chosen;
    this.removed = removed;
    box.addEventListener("keydown", (event) => this.key(event));
    box.addEventListener("click", (event) => {
      const film = this.filmOf(event.target.closest("li"));
      if (film) this.choose(film, { focus: true, click: true });
    });
  }

  /** Makes the rows those of `films`. */
  set(films) {
    const wanted = new Set(films);
    let next = null; // who is chosen if the chosen one goes: the one below it, or above
    if (this.selected && !wanted.has(this.selected)) {
      const before = [...this.rows.keys()];
      const at = before.indexOf(this.selected);
      next = before.slice(at).find((film) => wanted.has(film)) ??
        before.slice(0, at).reverse().find((film) => wanted.has(film)) ?? null;
    }
    const focused = this.box.contains(document.activeElement);
    for (const [film, row] of this.rows)
      if (!wanted.has(film)) {
        row.remove();
        this.rows.delete(film);
      }
    const added = films.filter((film) => !this.rows.has(film)).map((film) => this.row(film));
    this.box.append(...added);
    if (this.selected && wanted.has(this.selected)) return;
    this.choose(next ?? films[0] ?? null, { focus: focused && films.length > 0 });
  }

  choose(film, { focus = false, click = false } = {}) {
    const before = this.rows.get(this.selected);
    if (before) {
      before.setAttribute("aria-selected", "false");
      before.tabIndex = -1;
    }
    this.selected = film;
    const row = this.rows.get(film);
    if (row) {
      row.setAttribute("aria-selected", "true");
      row.tabIndex = 0;
      if (focus) row.focus({ preventScroll: true });
      // Not scrollIntoView: on a phone that would move the whole page.
      const low = row.offsetTop + row.offsetHeight - this.box.clientHeight;
      this.box.scrollTop = Math.min(Math.max(this.box.scrollTop, low), row.offsetTop);
    }
    this.chosen(film, click);
  }

  row(film) {
    const row = make(
      "li",
      { role: "option", id: `film-${film.key}`, tabIndex: -1, "aria-selected": "false" },
      make("span", { class: "mark", "aria-hidden": "true" }),
      make("bdi", { class: "name" }),
      make("span", { class: "said" }),
      make("span", { class: "meter", "aria-hidden": "true" }, make("i")),
    );
    this.rows.set(film, row);
    this.show(film);
    return row;
  }

  /** Writes what is known of `film` into its row. */
  show(film, { wait = 0 } = {}) {
    const row = this.rows.get(film);
    if (!row) return;
    const [, name, said, meter] = row.children;
    row.dataset.state = film.state;
    row.dataset.call = film.reading ? this.callOf(film.reading) : "";
    row.title = film.error ? film.error.say() : film.name;
    name.textContent = film.name;
    said.textContent = this.said(film, wait);
    meter.firstChild.style.width = `${100 * (film.reading?.probability ?? film.sent)}%`;
  }

  callOf(reading) {
    if (reading.status !== "read" || !this.facts) return "";
    return reading.call === this.facts.classes[1] ? "positive" : "negative";
  }

  said(film, wait) {
    if (film.state === "read")
      return `${className(film.reading.call, this.facts)} ${percent(film.reading.probability)}`;
    if (film.state === "failed") return `${t("failed")}: ${film.error.say()}`;
    if (film.state === "sending") return t("sending", { percent: `${Math.floor(100 * film.sent)} %` });
    if (film.state === "waiting" && wait) return t("busy", { seconds: wait });
    return t(film.state);
  }

  key(event) {
    const films = [...this.rows.keys()];
    const at = films.indexOf(this.selected);
    const page = 10;
    const to = {
      ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page,
      Home: 0, End: films.length - 1,
    }[event.key];
    if (to !== undefined && films.length) {
      event.preventDefault();
      this.choose(films[Math.min(Math.max(to, 0), films.length - 1)], { focus: true });
    } else if ((event.key === "Delete" || event.key === "Backspace") && this.selected) {
      event.preventDefault();
      this.removed(this.selected);
    }
  }

  filmOf(row) {
    for (const [film, each] of this.rows) if (each === row) return film;
    return null;
  }
}

/** The name of a class: the usual two in the page's language, others as the bundle has them. */
export function className(name, facts) {
  if (facts && name === facts.classes[1] && name === "PNEUMONIA") return t("positive");
  if (facts && name === facts.classes[0] && name === "NORMAL") return t("negative");
  return name;
}
