// Small helpers to make elements. Texts go in as text, never as markup.

export const $ = (selector, root = document) => root.querySelector(selector);

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") node.className = value;
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

// A text that follows the language of the page.
export const own = (key, tag = "span") => el(tag, { "data-t": key });

export function button(kind, does, sign, key) {
  return el("button", { type: "button", class: kind, "data-do": does, "data-t-label": key }, icon(sign));
}

export function say(text) {
  $("#said").textContent = text;
}
