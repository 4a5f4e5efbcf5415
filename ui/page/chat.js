// Turns of a chat: asked, answered as it grows, stopped, asked again, corrected, judged.

import { $, button, el, own, say } from "./dom.js";
import { call, Failed, stream } from "./server.js";
import { scopeIds } from "./sources.js";
import * as store from "./store.js";
import { language, t, translate } from "./words.js";

const LONGEST = 2000;
const REASONS = ["wrong", "incomplete", "quote", "outdated", "unclear", "refused", "other"];

let running = null; // the AbortController of the answer that is being written
let ready = false;
let waiting = false; // a question was sent before the index was open

export function setReady() {
  ready = true;
  $("#ask").dataset.ready = "";
  drawComposer();
  if (waiting) send();
}

export const busy = () => running !== null;

// -- drawing --------------------------------------------------------------------------------------

export function drawChat() {
  const turns = store.current().turns;
  $("#turns").replaceChildren(...turns.map(drawTurn));
  $("#hello").hidden = turns.length > 0;
  $("#ask").classList.toggle("empty", turns.length === 0);
  drawChats();
  translate($("#turns"));
  $("#turns").lastElementChild?.scrollIntoView({ block: "start" });
}

export function drawChats() {
  const here = store.current().id;
  const rows = store.all().map((chat) => {
    const open = el("button", { type: "button", class: "open", "data-chat": chat.id, "aria-current": chat.id === here && "true" }, chat.title);
    const drop = button("round small", "drop", "trash", "delete");
    drop.dataset.chat = chat.id;
    return el("li", {}, open, drop);
  });
  $("#chats").replaceChildren(...rows);
  $("#no-chats").hidden = rows.length > 0;
  translate($("#chats"));
}

function drawTurn(turn, at) {
  const asked = el("div", { class: "asked" }, own("you", "h2"), el("p", {}, turn.question), button("round small", "edit", "edit", "edit"));
  $("h2", asked).className = "unseen";
  const answer = el("div", { class: "answer" });
  const foot = el("footer", {});
  const card = el("div", { class: "card" }, answer, foot);
  const node = el("article", { class: "turn", "data-at": at }, asked, card);
  fill(node, turn);
  return node;
}

function fill(node, turn) {
  const answer = $(".answer", node);
  if (turn.html) answer.innerHTML = turn.html; // escaped by ui/render.py
  else if (!turn.problem) answer.replaceChildren(el("p", { class: "wait" }, own("thinking")));
  if (turn.problem) answer.append(el("p", { class: "problem" }, turn.problem.startsWith("error-") || turn.problem === "stopped" ? own(turn.problem) : turn.problem));
  const foot = $("footer", node);
  foot.innerHTML = turn.footer ?? "";
  if (turn.record || turn.problem) foot.prepend(actions(turn));
  translate(node);
}

function actions(turn) {
  const bar = el("div", { class: "actions" });
  if (turn.record) bar.append(button("round small", "copy-answer", "copy", "copy"));
  bar.append(button("round small", "retry", "retry", "retry"));
  if (turn.record) {
    for (const [does, sign, key, value] of [["up", "up", "helpful", true], ["down", "down", "unhelpful", false]]) {
      const thumb = button("round small", does, sign, key);
      thumb.setAttribute("aria-pressed", String(turn.thumb === value));
      bar.append(thumb);
    }
  }
  return bar;
}

export function drawComposer() {
  const field = $("#question");
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, innerHeight * 0.4)}px`;
  const length = field.value.length;
  const count = $("#count");
  count.textContent = length > LONGEST * 0.8 ? ` ${length.toLocaleString()} / ${LONGEST.toLocaleString()}` : "";
  count.classList.toggle("over", length > LONGEST);
  $("#send").hidden = busy();
  $("#stop").hidden = !busy();
  $("#send").disabled = !field.value.trim() || length > LONGEST;
}

// -- asking ---------------------------------------------------------------------------------------

export async function ask(question, { at = store.current().turns.length, typed = false } = {}) {
  if (busy() || !ready || !question.trim() || question.length > LONGEST) return;
  const chat = store.current();
  const turn = { question: question.trim() };
  const history = typed ? [] : store.history(at);
  chat.turns.splice(at, Infinity, turn);
  $("#hello").hidden = true;
  $("#ask").classList.remove("empty");
  for (const old of document.querySelectorAll(".turn")) if (Number(old.dataset.at) >= at) old.remove();
  const node = drawTurn(turn, at);
  $("#turns").append(node);
  node.setAttribute("aria-busy", "true");
  node.scrollIntoView({ block: "start" });
  running = new AbortController();
  drawComposer();
  try {
    const options = { language: language(), sources: scopeIds() };
    await stream("page_chat", [turn.question, history, options], (grown) => take(node, turn, grown), running.signal);
  } catch (error) {
    if (error.name === "AbortError") turn.problem = "stopped";
    else if (error instanceof Failed) turn.problem = error.told || `error-${error.key}`;
    else throw error;
  } finally {
    running = null;
    node.removeAttribute("aria-busy");
    fill(node, turn);
    drawComposer();
    store.keep();
    drawChats();
    say($(".body, .problem", node)?.innerText.slice(0, 400) ?? "");
  }
}

function take(node, turn, grown) {
  if ("error" in grown) throw new Failed(grown.error, grown.error ? "" : grown.told);
  Object.assign(turn, grown);
  fill(node, turn); // the question stays at the top: what is being read does not move
}

export function stop() {
  running?.abort();
  $("#question").focus();
}

export function again(node, typed = false) {
  const at = Number(node.dataset.at);
  return ask(store.current().turns[at].question, { at, typed });
}

// The question goes back into the field; sending it again replaces it and what came after it.
let editing = null;

export function edit(node) {
  editing = Number(node.dataset.at);
  const field = $("#question");
  field.value = store.current().turns[editing].question;
  drawComposer();
  field.focus();
}

export function send() {
  const field = $("#question");
  const question = field.value;
  if (busy() || !question.trim() || question.length > LONGEST) return;
  waiting = !ready;
  if (waiting) return say(t("error-opening"));
  field.value = "";
  const at = editing ?? undefined;
  editing = null;
  ask(question, { at });
  field.focus();
}

// -- copying and judging --------------------------------------------------------------------------

export async function copy(text, from) {
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else copyOld(text);
  say(t("copied"));
  const use = $("use", from);
  use.setAttribute("href", "#i-check");
  setTimeout(() => use.setAttribute("href", "#i-copy"), 1500);
}

// Without TLS, on another machine's address, browsers have no clipboard but this.
function copyOld(text) {
  const field = el("textarea", { class: "unseen" });
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

export function copyAnswer(from) {
  const { record } = turnOf(from);
  const cited = record.citations.map((c) => `[${c.marker}] ${c.title}${c.version ? ` (${c.version})` : ""} ${c.url ?? c.source}`);
  return copy([record.answer, "", ...cited].join("\n").trim(), from);
}

// Of an example the lines one would type, without prompts and output.
export function copyCode(from) {
  const code = $("code", from.closest("figure")).textContent;
  const typed = code.split("\n").filter((line) => /^\s*(>>>|\.\.\.)( |$)/.test(line));
  return copy(typed.length ? typed.map((line) => line.replace(/^\s*(>>>|\.\.\.) ?/, "")).join("\n") : code, from);
}

const turnOf = (node) => store.current().turns[Number(node.closest(".turn").dataset.at)];

export async function judge(from, helpful, reason = "", comment = "") {
  const node = from.closest(".turn");
  const turn = turnOf(from);
  const { record } = turn;
  const given = {
    question: turn.question, language: record.language, answer: record.answer.slice(0, 4000),
    refused: record.refused, helpful, reason, comment: comment.slice(0, 2000),
    sources: [...new Set(record.citations.map((c) => c.source))],
    quotes: record.citations.map((c) => c.quote.slice(0, 500)),
    history: store.history(Number(node.dataset.at)).slice(-2),
  };
  let told = "thanks";
  try {
    await call("page_feedback", given);
    turn.thumb = helpful;
    store.keep();
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    told = "error-feedback";
  }
  fill(node, turn);
  $("footer", node).append(el("p", { class: "thanks" }, own(told)));
  translate(node);
  say(t(told));
  $(`[data-do=${helpful ? "up" : "down"}]`, node)?.focus();
}

export function askReason(from) {
  const foot = from.closest("footer");
  if ($("form", foot)) return $("form", foot).remove();
  const choices = REASONS.map((reason, at) =>
    el("label", { class: "choice" }, el("input", { type: "radio", name: "reason", value: reason, checked: at === 0 }), own(`reason-${reason}`)),
  );
  const form = el(
    "form",
    { class: "judge" },
    el("fieldset", {}, own("what-wrong", "legend"), ...choices),
    el("label", { class: "more" }, own("comment"), el("textarea", { name: "comment", rows: 2, maxlength: 2000 })),
    el("div", {}, el("button", { type: "submit", class: "solid" }, own("submit")), el("button", { type: "button", class: "quiet", "data-do": "judge-cancel" }, own("cancel"))),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const values = new FormData(form);
    judge(from, false, values.get("reason") ?? "", values.get("comment") ?? "");
  });
  $(".actions", foot).after(form);
  translate(form);
  form.scrollIntoView({ block: "nearest" });
  $("input", form).focus({ preventScroll: true });
}
