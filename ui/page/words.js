// Both languages of the page. What carries data-t, data-t-label or data-t-placeholder is turned.

let all = {};
let current = "en";

export function loadWords(json) {
  all = JSON.parse(json);
}

export function language() {
  return current;
}

export function t(key) {
  return all[current].words[key] ?? key;
}

export function examples() {
  return all[current].examples;
}

export function setLanguage(name) {
  current = name in all ? name : "en";
  document.documentElement.lang = current;
  remember("language", current);
}

// The reader's choice, else the first language of the browser that the page has.
export function firstLanguage() {
  const wanted = [recall("language"), ...navigator.languages.map((tag) => tag.slice(0, 2))];
  return wanted.find((name) => name in all) ?? "en";
}

export function translate(root) {
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll("[data-en]")) node.textContent = node.dataset[current];
  for (const node of root.querySelectorAll("[data-t-label]")) {
    const told = t(node.dataset.tLabel);
    node.setAttribute("aria-label", told);
    if (node.matches("button, a")) node.title = told;
  }
  for (const node of root.querySelectorAll("[data-t-placeholder]")) {
    node.placeholder = t(node.dataset.tPlaceholder);
  }
}

// Storage may be forbidden or full: the page then works without remembering.
export function recall(name) {
  try {
    return JSON.parse(localStorage.getItem(`ask.${name}`));
  } catch {
    return null;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(`ask.${name}`, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}
