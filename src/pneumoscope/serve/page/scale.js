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
    ...facts.operating_points.map((point, row) => line(point, row, point === inUse)),
    ...facts.operating_points.map((point, row) => name(point, row, point === inUse)),
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
const height = (row) => 11 + 14 * row;

function line({ probability }, row, inUse) {
  const x = place(probability);
  return draw("line", {
    x1: x, x2: x, y1: height(row) - 9, y2: AXIS + 4, class: inUse ? "point used" : "point",
  });
}

function name({ name, probability }, row, inUse) {
  const x = place(probability);
  const said = `${t(`point_${name}`)} ${percent(probability)}`;
  const length = [...said].reduce((sum, letter) => sum + (letter > "\u1100" ? 11 : 6.5), 0);
  const fits = x + 5 + length < WIDTH;
  const text = draw("text", {
    x: fits ? x + 5 : x - 5, y: height(row), class: inUse ? "point used" : "point",
    "text-anchor": fits ? "start" : "end",
  });
  text.textContent = said;
  return text;
}
