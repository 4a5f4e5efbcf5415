// The tab of sources: what is in the index, search in it, and what the chat is limited to.

import { $, button, el, icon, own, say } from "./dom.js";
import { call, Failed } from "./server.js";
import { recall, remember, t, translate } from "./words.js";

let scope = recall("scope") ?? []; // [{id, title}], empty for everything
let groups = [];
let asked = 0;

export const scopeIds = () => scope.map((one) => one.id);

export async function showGroups() {
  try {
    groups = await call("page_groups");
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    return;
  }
  drawGroups();
}

function drawGroups() {
  $("#groups tbody").replaceChildren(...groups.map(row));
  translate($("#groups"));
}

function row(group) {
  const used = !scope.length || scope.some((one) => one.id === group.id);
  const box = el("input", { type: "checkbox", "data-group": group.id, "aria-label": group.title });
  box.checked = used;
  const title = group.documents === 1 && group.kind !== "files" && group.kind !== "package"
    ? el("button", { type: "button", class: "source", "data-source": group.id, "data-start": 0, "data-end": 0 }, group.title)
    : el("button", { type: "button", class: "source", "data-do": "browse", "data-pattern": browse(group) }, group.title);
  const facts = {
    kind: own(`kind-${group.kind}`),
    count: group.documents.toLocaleString(),
    version: version(group),
    date: group.date ?? "",
    licence: group.licence ?? "",
  };
  const cells = Object.entries(facts).map(([key, value]) =>
    el("td", { class: value === "" ? "none" : "" }, el("span", { class: "key" }, own(key)), value),
  );
  return el("tr", {}, el("td", {}, box), el("td", {}, title), ...cells);
}

function version(group) {
  const cell = el("span");
  cell.innerHTML = group.version; // escaped by ui/html.py
  return cell;
}

const browse = (group) => (group.kind === "files" ? `file:${group.title}` : group.id);

export function toggleGroup(id) {
  const on = new Set(
    [...document.querySelectorAll("#groups input")].filter((box) => box.checked).map((box) => box.dataset.group),
  );
  const every = on.size === 0 || on.size === groups.length;
  setScope(every ? [] : groups.filter((group) => on.has(group.id)).map(({ id: one, title }) => ({ id: one, title })));
  if (every) drawGroups();
  $(`#groups input[data-group="${CSS.escape(id)}"]`)?.focus();
}

export function setScope(chosen) {
  scope = chosen;
  remember("scope", scope);
  drawScope();
}

export function drawScope() {
  const bar = $("#scope");
  bar.hidden = !scope.length;
  const titles = scope.map((one) => one.title).join(", ");
  bar.replaceChildren(own("only"), el("strong", {}, ` ${titles} `), button("round small", "clear-scope", "close", "clear-scope"));
  translate(bar);
}

export function clearScope() {
  setScope([]);
  drawGroups();
}

// -- search ---------------------------------------------------------------------------------------

export async function find(pattern) {
  const ticket = ++asked;
  const list = $("#hits");
  const more = $("#hits-more");
  if (!pattern.trim()) {
    list.replaceChildren();
    more.textContent = "";
    return;
  }
  let hits;
  try {
    hits = await call("page_find", pattern.trim());
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    say(error.told || t(`error-${error.key}`));
    return;
  }
  if (ticket !== asked) return;
  list.replaceChildren(...hits.slice(0, 50).map(hit));
  translate(list);
  more.textContent = hits.length > 50 ? t("more-hits") : hits.length ? "" : t("no-hits");
}

function hit(one) {
  const place = { type: "button", class: "source", "data-source": one.id, "data-start": 0, "data-end": 0 };
  return el("li", {}, el("button", place, icon("book"), el("span", { class: "name" }, one.title)), own(`kind-${one.kind}`));
}
