// Films to try, one click away.

import { get, getJson } from "./api.js";
import { make, the } from "./dom.js";
import { onLanguage, t } from "./language.js";
import { truthOf } from "./reading.js";

/** Offers the service's sample films; `taken([{ file, sample }])` gets those that are asked for. */
export async function offerSamples(facts, taken) {
  const { samples, attribution } = await getJson("/v1/samples");
  the("samples").hidden = samples.length === 0;
  the("attribution").textContent = attribution;
  const pictures = samples.map(picture);
  const take = async (wanted) => taken(await Promise.all(wanted.map(fetched)));
  onLanguage(() => {
    const buttons = samples.map((sample, index) => {
      const name = truthOf(sample, facts);
      const label = t("sample_of", { truth: name });
      const act = () => take([sample]);
      return make("button", { type: "button", class: "sample", "aria-label": label, title: name, onclick: act },
        pictures[index], make("span", {}, name));
    });
    const all = make("button", { type: "button", id: "sample-all", onclick: () => take(samples) }, t("sample_all"));
    the("sample-films").replaceChildren(...buttons, all);
  });
}

async function fetched(sample) {
  const blob = await (await get(sample.url)).blob();
  return { file: new File([blob], sample.name, { type: blob.type }), sample };
}

// Drawn by hand: an <img> could not bring the token along.
function picture(sample) {
  const canvas = make("canvas", { width: 96, height: 96, "aria-hidden": "true" });
  get(sample.url)
    .then((response) => response.blob())
    .then((blob) => createImageBitmap(blob))
    .then((bitmap) => {
      canvas.getContext("2d").drawImage(bitmap, 0, 0, 96, 96);
      bitmap.close();
    })
    .catch(() => null); // its name stands below it anyway
  return canvas;
}
