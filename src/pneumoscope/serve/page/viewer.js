// The film of the chosen row: window, zoom, evidence.

import { get } from "./api.js";
import { the } from "./dom.js";
import { autoWindow, decode, drawOnto, paint } from "./greys.js";
import { language, onLanguage, remember, remembered, t } from "./language.js";
import { className } from "./list.js";
import { Stage } from "./stage.js";

const OPACITY = "pneumoscope.evidence";
const FULL = { width: 255, level: 128, inverted: false };
const KEPT = 6; // decoded films at hand, of at most 4 MB each

export class Viewer {
  constructor() {
    this.film = null;
    this.picture = null;
    this.window = { ...FULL };
    this.limit = null;
    this.facts = null;
    this.pictures = new Map(); // reading's id -> picture, the last ones shown
    this.opacity = Number(remembered(OPACITY) ?? 40);
    this.hidden = 0; // the opacity before the evidence was hidden
    this.painting = false;
    this.stage = new Stage(the("stage"), the("film"), {
      windowed: (dx, dy) => this.setWindow({ width: this.window.width + dx, level: this.window.level + dy }),
      moved: () => this.tell(),
    });
    this.controls();
    this.setOpacity(this.opacity);
    onLanguage(() => this.tell());
  }

  /** Shows `film` (an entry of the list, or null), or says why there is nothing to see. */
  async show(film) {
    const id = film?.reading?.id;
    if (film === this.film && id === this.shown) return;
    this.film = film;
    this.shown = id;
    this.picture = null;
    this.limit = null;
    the("film").hidden = true;
    the("evidence").width = 0;
    the("empty").hidden = film !== null;
    this.stage.show(null);
    if (film?.state !== "read") {
      this.say(film?.state === "refused" ? "no_picture" : null);
      return;
    }
    this.say("film_loading");
    try {
      const picture = await this.load(film.reading);
      if (this.shown !== id) return;
      this.lay(picture);
      await this.layEvidence(film.reading);
    } catch (error) {
      if (this.shown === id) this.say(error.status === 404 ? "forgotten" : null, error);
    }
  }

  async load({ id, links }) {
    const known = this.pictures.get(id) ?? (await decode(await (await get(links.film)).blob()));
    this.pictures.delete(id);
    this.pictures.set(id, known);
    if (this.pictures.size > KEPT) this.pictures.delete(this.pictures.keys().next().value);
    return known;
  }

  lay(picture) {
    this.picture = picture;
    this.window = { ...FULL };
    paint(the("greys"), picture, this.window);
    the("film").hidden = false;
    this.stage.show(picture);
    this.say("evidence_loading");
  }

  async layEvidence({ id, links }) {
    const response = await get(links.evidence);
    const blob = await response.blob();
    if (this.shown !== id) return;
    await drawOnto(the("evidence"), blob);
    this.limit = Number(response.headers.get("Evidence-Limit"));
    this.say(null);
  }

  /** `told`: the key of what to say over the stage, or null; `error` where there is no key. */
  say(told, error = null) {
    this.told = error && !told ? () => error.say?.() ?? String(error) : told && (() => t(told));
    this.tell();
  }

  /** Writes the words and numbers around the film anew. */
  tell() {
    const { picture, film } = this;
    the("told").hidden = !this.told;
    the("told").textContent = this.told ? this.told() : "";
    the("told").dataset.small = picture ? "yes" : "";
    the("corner-name").textContent = film?.name ?? "";
    the("corner-window").textContent = picture ? `W ${this.window.width}  L ${this.window.level}` : "";
    the("corner-zoom").textContent = picture && this.stage ? `${Math.round(100 * this.stage.scale)} %` : "";
    the("controls").classList.toggle("idle", !picture);
    the("width").value = this.window.width;
    the("level").value = this.window.level;
    the("invert").setAttribute("aria-pressed", String(this.window.inverted));
    for (const tool of ["window", "move"])
      the(`drag-${tool}`).setAttribute("aria-pressed", String(this.stage?.tool === tool));
    this.tellKey();
  }

  tellKey() {
    the("key").hidden = this.limit === null;
    if (this.limit === null || !this.facts) return;
    const positive = className(this.facts.classes[1], this.facts);
    const limit = this.limit.toLocaleString(language(), { maximumSignificantDigits: 2 });
    the("key-for").textContent = t("for", { positive });
    the("key-against").textContent = t("against", { positive });
    the("key-limit").textContent = t("key_limit", { limit: `±${limit}` });
  }

  setWindow(change) {
    const { width, level, inverted } = { ...this.window, ...change };
    const within = (value, low, high) => Math.round(Math.min(Math.max(value, low), high));
    this.window = { width: within(width, 1, 511), level: within(level, 0, 255), inverted };
    this.tell();
    if (this.painting || !this.picture) return;
    this.painting = true; // once a frame, however fast the slider moves
    requestAnimationFrame(() => {
      this.painting = false;
      if (this.picture) paint(the("greys"), this.picture, this.window);
    });
  }

  setOpacity(percent) {
    this.opacity = percent;
    the("opacity").value = percent;
    the("evidence").style.opacity = percent / 100;
    remember(OPACITY, percent);
  }

  toggleEvidence() {
    const before = this.opacity;
    this.setOpacity(before > 0 ? 0 : this.hidden || 40);
    this.hidden = before;
  }

  reset() {
    this.setWindow(FULL);
    this.stage.fit();
  }

  controls() {
    const on = (id, kind, act) => the(id).addEventListener(kind, act);
    on("width", "input", (event) => this.setWindow({ width: Number(event.target.value) }));
    on("level", "input", (event) => this.setWindow({ level: Number(event.target.value) }));
    on("opacity", "input", (event) => this.setOpacity(Number(event.target.value)));
    on("auto", "click", () => this.picture && this.setWindow(autoWindow(this.picture)));
    on("invert", "click", () => this.setWindow({ inverted: !this.window.inverted }));
    on("zoom-in", "click", () => this.stage.zoomBy(1.4));
    on("zoom-out", "click", () => this.stage.zoomBy(1 / 1.4));
    on("reset", "click", () => this.reset());
    for (const tool of ["window", "move"]) on(`drag-${tool}`, "click", () => this.stage.setTool(tool));
    on("stage", "keydown", (event) => this.key(event));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.picture) return;
    const { width, level, inverted } = this.window;
    const act = {
      "+": () => this.stage.zoomBy(1.25),
      "=": () => this.stage.zoomBy(1.25),
      "-": () => this.stage.zoomBy(0.8),
      0: () => this.reset(),
      ArrowLeft: () => this.stage.moveBy(40, 0),
      ArrowRight: () => this.stage.moveBy(-40, 0),
      ArrowUp: () => this.stage.moveBy(0, 40),
      ArrowDown: () => this.stage.moveBy(0, -40),
      w: () => this.setWindow({ width: width + 8 }),
      s: () => this.setWindow({ width: width - 8 }),
      d: () => this.setWindow({ level: level + 4 }),
      a: () => this.setWindow({ level: level - 4 }),
      i: () => this.setWindow({ inverted: !inverted }),
      e: () => this.toggleEvidence(),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
}
