// Brings the parts of the page together.

import { askTokenWith, get, getJson } from "./api.js";
import { aboutBundle, askToken } from "./dialogs.js";
import { the } from "./dom.js";
import { saveAs, takeFiles } from "./files.js";
import { language, onLanguage, otherLanguage, share, t, translate } from "./language.js";
import { List } from "./list.js";
import { Queue } from "./queue.js";
import { readingOf } from "./reading.js";
import { offerSamples } from "./samples.js";
import { themeButton } from "./theme.js";
import { Viewer } from "./viewer.js";

const ROWS = 500; // readings asked for at once: an address may only be so long

let facts = null;
let alarm = null; // () => what is wrong, or null
const viewer = new Viewer();
const queue = new Queue(changed);
const list = new List(the("list"), {
  chosen: (film, byClick) => {
    show();
    if (byClick && matchMedia("(max-width: 60rem)").matches) the("viewer").scrollIntoView();
  },
  removed: remove,
});
const acts = {
  again: () => queue.again(list.selected),
  remove: () => remove(list.selected),
  save: () => guarded(saveReading),
};

function add(files) {
  if (!files.length) return;
  if (!queue.films.length) the("samples").open = false;
  if (!facts) guarded(begin); // the service was away, or no token was given
  queue.add(files);
}

function remove(film) {
  queue.remove(film);
  if (!queue.films.length) the("choose").focus();
}

/** `film` says something new; null: films came or went. */
function changed(film) {
  if (film) list.show(film, { wait: queue.wait });
  else list.set(queue.films);
  if (film === null || film === list.selected) show();
  count();
}

function show() {
  viewer.show(list.selected);
  the("said").replaceChildren(...readingOf(list.selected, facts, acts));
}

// Not for every film: who listens to the page would hear nothing else.
let counting = null;
function count() {
  const now = queue.count();
  the("list-tools").hidden = now.all === 0;
  the("progress").hidden = now.all === 0 || now.done === now.all;
  the("progress").value = now.done / Math.max(now.all, 1);
  the("csv").disabled = now.read + now.refused === 0;
  counting ??= setTimeout(() => {
    counting = null;
    const { all, done, refused, failed } = queue.count();
    const more = refused + failed ? t("count_more", { refused, failed }) : "";
    const busy = queue.wait ? ` ${t("row_busy", { seconds: queue.wait })}` : "";
    the("count").textContent = all ? t("count", { done, all }) + more + busy : "";
  }, done(now) ? 0 : 500);
}

function done(now) {
  return now.done === now.all;
}

async function saveReading() {
  const { reading } = list.selected;
  const response = await get(`${reading.links.page}?lang=${language()}`);
  saveAs(await response.blob(), `${reading.name.replace(/\.\w+$/, "")}.html`);
}

async function saveTable() {
  const ids = queue.films.filter((film) => film.reading).map((film) => film.reading.id);
  const parts = [];
  let rows = 0;
  for (let from = 0; from < ids.length; from += ROWS) {
    const some = ids.slice(from, from + ROWS).join(",");
    const text = await (await get(`/v1/readings.csv?ids=${some}`)).text();
    const end = text.indexOf("\n") + 1; // of the line with the columns' names
    parts.push(from ? text.slice(end) : text);
    rows += some.split(",").filter((id) => text.includes(id)).length;
  }
  saveAs(new Blob(["\ufeff", ...parts], { type: "text/csv" }), "readings.csv");
  const all = queue.films.length;
  if (rows < all) the("count").textContent = t("csv_saved", { rows, all });
}

/** Says what went wrong on top of the page instead of in the console. */
async function guarded(act) {
  try {
    alarm = null;
    await act();
  } catch (error) {
    alarm = error.say ?? (() => String(error));
  }
  showAlarm();
}

function showAlarm() {
  the("alarm").hidden = !alarm;
  the("alarm").textContent = alarm ? alarm() : "";
}

async function begin() {
  try {
    facts = await getJson("/v1/bundle");
  } catch (error) {
    if (error.status === 0) error.say = () => t("service_down");
    throw error;
  }
  queue.limits = facts.limits;
  list.facts = facts;
  viewer.facts = facts;
  retell();
  await offerSamples(facts, add);
}

/** Writes everything in the language in use. */
function retell() {
  translate(document);
  const bundle = facts ? { name: facts.name, prevalence: share(facts.scale.prevalence) } : null;
  the("about-open").textContent = bundle ? t("bundle_of", bundle) : "";
  the("about-open").disabled = !facts;
  if (facts) the("about-text").replaceChildren(...aboutBundle(facts));
  for (const film of queue.films) list.show(film, { wait: queue.wait });
  the("said").replaceChildren(...readingOf(list.selected, facts, acts));
  count();
  showAlarm();
}

askTokenWith(askToken);
themeButton();
onLanguage(retell);
the("language").addEventListener("click", otherLanguage);
the("about-open").addEventListener("click", () => the("about").showModal());
the("token-cancel").addEventListener("click", () => the("token").close());
the("choose").addEventListener("click", () => the("files").click());
the("csv").addEventListener("click", () => guarded(saveTable));
the("clear").addEventListener("click", () => queue.clear());
takeFiles(
  the("files"),
  (files) => add(files.map((file) => ({ file }))),
  (inside) => (the("drop-here").hidden = !inside),
);
setInterval(() => {
  if (!queue.wait) return;
  for (const film of queue.films) if (film.state === "waiting") list.show(film, { wait: queue.wait });
}, 1000);
guarded(begin);
