// Dark or light: as the system prefers, until somebody chooses here.

import { the } from "./dom.js";
import { onLanguage, remember, remembered, t } from "./language.js";

const KEPT = "pneumoscope.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

export function themeButton() {
  const chosen = () => {
    const kept = remembered(KEPT);
    return kept === "dark" || kept === "light" ? kept : dark.matches ? "dark" : "light";
  };
  const show = () => {
    document.documentElement.dataset.theme = chosen();
    the("theme").textContent = t(chosen() === "dark" ? "theme_light" : "theme_dark");
  };
  the("theme").addEventListener("click", () => {
    remember(KEPT, chosen() === "dark" ? "light" : "dark");
    show();
  });
  dark.addEventListener("change", show);
  onLanguage(show);
}
