// The calibrated scale: the operating points above it, the film's score below.

import { draw } from "./dom.js";
import { percent, t } from "./language.js";

const [WIDTH, LEFT, RIGHT, AXIS] = [340, 14, 326, 56];
const ENDS = 6.907; // log-odds of 99.9 %; what lies beyond stands at the end
const TICKS = [0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999];

/** A drawing of where `reading` stands among the operating points of `facts`. */
export function scale(reading, facts) {
  const at = place(reading.probability);
  const inUse = facts.operating_points.find((point) => point.name === facts.operating_point);
  const from = place(inUse.probability);
  return draw(
    "svg",
    {
      viewBox: `0 0 ${WIDTH} 96`, role: "img", class: "scale",
      "aria-label": t("scale", { probability: percent(reading.probability) }),
    },
    draw("rect", { x: LEFT, y: AXIS - 4, width: RIGHT - LEFT, height: 8, rx: 4, class: "below" }),
    draw("path", { d: bar(from), class: "above" }),
    ...TICKS.flatMap(tick),
    ...facts.operating_points.flatMap((point, row) => threshold(point, row, point === inUse)),
    draw("path", { d: `M${at} ${AXIS + 5} l6 10 h-12 z`, class: "score" }),
    draw("line", { x1: at, x2: at, y1: AXIS - 7, y2: AXIS + 7, class: "score" }),
  );
}

function place(probability) {
  const odds = Math.log(probability / (1 - probability));
  const share = (Math.min(Math.max(odds, -ENDS), ENDS) + ENDS) / (2 * ENDS);
  return LEFT + share * (RIGHT - LEFT);
}

function bar(from) {
  return `M${from} ${AXIS - 4} H${RIGHT - 4} a4 4 0 0 1 0 8 H${from} z`;
}

function tick(probability) {
  const x = place(probability);
  const text = draw("text", { x, y: AXIS + 34, class: "tick", "text-anchor": "middle" });
  text.textContent = `${Number((100 * probability).toPrecision(3))}`;
  return [draw("line", { x1: x, x2: x, y1: AXIS + 18, y2: AXIS + 22, class: "rule" }), text];
}

// Each on a line of its own: near one another their names would run together.
function threshold({ name, probability }, row, inUse) {
  const x = place(probability);
  const y = 11 + 14 * row;
  const left = x < WIDTH - 92;
  const text = draw("text", {
    x: left ? x + 5 : x - 5, y, class: inUse ? "point used" : "point",
    "text-anchor": left ? "start" : "end",
  });
  text.textContent = `${t(`point_${name}`)} ${percent(probability)}`;
  const line = { x1: x, x2: x, y1: y - 9, y2: AXIS + 4, class: inUse ? "point used" : "point" };
  return [draw("line", line), text];
}
