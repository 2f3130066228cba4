// Short ways to build elements: text only ever as text, never as HTML.

/** The element with `id`. */
export function the(id) {
  return document.getElementById(id);
}

/** A `tag` with properties (`class`, `data-…`, `aria-…` as attributes) and children. */
export function make(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** The same in SVG, where all properties are attributes. */
export function draw(tag, attributes = {}, ...children) {
  const part = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) part.setAttribute(name, value);
  part.append(...children);
  return part;
}

function fill(part, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name in part) part[name] = value;
    else part.setAttribute(name, value);
  }
  part.append(...children.filter((child) => child !== null && child !== undefined));
  return part;
}
