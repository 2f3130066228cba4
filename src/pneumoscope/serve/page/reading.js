// What was said of the chosen film, in words.

import { hasToken, here } from "./api.js";
import { make } from "./dom.js";
import { language, percent, share, t } from "./language.js";
import { className } from "./list.js";
import { reasonIn } from "./reasons.js";
import { scale } from "./scale.js";

/** The parts of the reading of `film`; `acts` has again(), remove() and save(). */
export function readingOf(film, facts, acts) {
  if (!film || !facts) return [make("p", { class: "soft" }, t("nothing"))];
  const body = { read, refused, failed }[film.state] ?? pending;
  return [
    make("h3", { class: "file" }, make("bdi", {}, film.name)),
    ...body(film, facts),
    ...truth(film, facts),
    actions(film, acts),
  ];
}

function pending() {
  return [make("p", { class: "soft" }, t("pending"))];
}

function read({ reading }, facts) {
  const positive = reading.call === facts.classes[1];
  return [
    make(
      "p",
      { class: "verdict", "data-call": positive ? "positive" : "negative" },
      make("span", {}, make("small", {}, t("called")), make("b", {}, className(reading.call, facts))),
      make("span", {}, make("small", {}, t("probability")), make("b", {}, percent(reading.probability))),
    ),
    scale(reading, facts),
    make("p", { class: "soft" }, calibration(reading, facts)),
    points(reading, facts),
    ...leaning(reading),
    ...(positive ? [] : [make("p", { class: "soft" }, t("normal_text"))]),
    ...notes(reading),
  ];
}

function calibration({ probability }, { scale: { prevalence, fitted_prevalence: fitted } }) {
  const said = [t("calibrated", { about: about(probability), prevalence: share(prevalence) })];
  if (Math.abs(prevalence - fitted) > 1e-6) said.push(t("rebased", { fitted: share(fitted) }));
  return [...said, t("stretched")].join(" ");
}

function about(probability) {
  if (probability > 0.999) return t("about_all");
  if (probability < 0.001) return t("about_none");
  return t("about", { probability: percent(probability) });
}

function points({ logit }, facts) {
  const rows = facts.operating_points.map((point) => {
    const called = logit >= point.logit;
    const inUse = point.name === facts.operating_point;
    return make(
      "tr",
      { class: inUse ? "used" : "" },
      make("th", { scope: "row" }, t(`point_${point.name}`),
        inUse ? make("em", {}, t("in_use")) : null, make("small", {}, t(`means_${point.name}`))),
      make("td", {}, percent(point.probability)),
      make("td", { "data-call": called ? "positive" : "negative" }, t(called ? "above" : "below")),
    );
  });
  const head = ["point", "from", "this_film"].map((key) => make("th", { scope: "col" }, t(key)));
  return make("table", { class: "points" },
    make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
}

function leaning({ subtype, subtype_probability: probability }) {
  if (!subtype) return [];
  const viral = subtype === "viral" ? probability : 1 - probability;
  const bar = make("i", {});
  bar.style.left = `${100 * viral}%`;
  return [
    make("h4", {}, t("leaning")),
    make("p", { class: "lead" }, t("leans", { kind: t(subtype), probability: percent(probability) })),
    make("p", { class: "leaning", "aria-hidden": "true" },
      make("span", {}, t("bacterial")), make("span", { class: "bar" }, bar), make("span", {}, t("viral"))),
    make("p", { class: "soft" }, t("leaning_text")),
  ];
}

function notes(reading) {
  if (!reading.notes.length) return [];
  const lines = reading.notes.map((note) => make("li", {}, reasonIn(language(), note)));
  return [make("h4", {}, t("notes")), make("ul", { class: "notes" }, ...lines)];
}

function refused({ reading }) {
  return [
    make("p", { class: "verdict", "data-call": "refused" }, make("b", {}, t("refused_title"))),
    make("h4", {}, t("why")),
    make("p", { class: "lead reason" }, reasonIn(language(), reading.reason)),
    make("p", { class: "soft" }, t("refused_text")),
    ...notes(reading),
  ];
}

function failed({ error }) {
  return [
    make("p", { class: "verdict", "data-call": "failed" }, make("b", {}, t("failed_title"))),
    make("p", { class: "lead reason" }, error.say()),
  ];
}

function truth({ sample, state }, facts) {
  if (!sample || state !== "read") return [];
  return [make("p", { class: "truth" }, t("truth", { truth: truthOf(sample, facts) }))];
}

/** What the data set says of a sample film. */
export function truthOf(sample, facts) {
  const name = className(sample.truth, facts);
  return sample.subtype ? `${name} (${t(sample.subtype)})` : name;
}

function actions(film, acts) {
  const button = (key, act, kind = "") => make("button", { type: "button", class: kind, onclick: act }, t(key));
  const parts = [];
  if (film.state === "failed") parts.push(button("again", acts.again, "first"));
  if (film.reading) {
    parts.push(button("save_page", acts.save));
    // A link cannot bring the token along.
    if (!hasToken()) {
      const href = `${here(film.reading.links.page)}?lang=${language()}`;
      parts.push(make("a", { href, target: "_blank", rel: "noopener", class: "button" }, t("open_page")));
    }
  }
  return make("div", { class: "row actions" }, ...parts, button("remove", acts.remove, "quiet"));
}
