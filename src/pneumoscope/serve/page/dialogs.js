// Two dialogs: what reads the films, and the token that a service may ask for.

import { make, the } from "./dom.js";
import { share, t } from "./language.js";

/** Asks for a token; resolves to it, or to null if none is given. `wrong`: the last one was. */
export function askToken(wrong) {
  const dialog = the("token");
  the("token-wrong").hidden = !wrong;
  the("token-value").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  the("token-value").focus();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        const given = the("token-value").value.trim();
        the("token-value").value = "";
        resolve(dialog.returnValue === "use" && given ? given : null);
      },
      { once: true },
    );
  });
}

/** The facts of the bundle as a list of terms. */
export function aboutBundle(facts) {
  const seen = Object.entries(facts.films_seen).map(([split, films]) => `${split} ${films}`);
  const terms = [
    ["bundle", facts.name],
    ["program", `Pneumoscope ${facts.version}`],
    ["classes", facts.classes.join(", ")],
    ["prevalence", share(facts.scale.prevalence)],
    ["fitted", share(facts.scale.fitted_prevalence)],
    ["point", t(`point_${facts.operating_point}`)],
    ["evidence", t(`evidence_${facts.evidence}`)],
    ["input", t("pixels", { side: facts.input_size })],
    ["films", seen.join(", ") || "0"],
    ["network", facts.sha256],
  ];
  const list = terms.flatMap(([key, value]) => [
    make("dt", {}, t(`fact_${key}`)),
    make("dd", {}, value),
  ]);
  return [
    make("dl", {}, ...list),
    make("details", {}, make("summary", {}, t("fact_provenance")),
      make("pre", { tabIndex: 0 }, JSON.stringify(facts.provenance, null, 2))),
    make("p", { class: "soft" }, t("kept")),
  ];
}
