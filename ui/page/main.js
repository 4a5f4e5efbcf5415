// Wires the page: one listener for clicks, keys by what has the focus, the tabs, the start.

import * as chat from "./chat.js";
import { $, el } from "./dom.js";
import { closeEvidence, hideTip, openEvidence, showTip } from "./evidence.js";
import { asJson, asMarkdown, download } from "./export.js";
import { call } from "./server.js";
import * as sources from "./sources.js";
import * as store from "./store.js";
import { examples, firstLanguage, language, loadWords, recall, remember, setLanguage, t, translate } from "./words.js";

const actions = {
  new: () => change(() => store.begin()),
  drop: (from) => {
    if (confirm(t("delete-sure"))) change(() => store.drop(from.dataset.chat));
  },
  menu: () => menu(true),
  "close-menu": () => menu(false),
  "close-panel": closeEvidence,
  stop: chat.stop,
  retry: (from) => chat.again(from.closest(".turn")),
  "as-typed": (from) => chat.again(from.closest(".turn"), true),
  edit: (from) => chat.edit(from.closest(".turn")),
  "copy-answer": (from) => chat.copyAnswer(from),
  "copy-code": (from) => chat.copyCode(from),
  up: (from) => chat.judge(from, true),
  down: (from) => chat.askReason(from),
  "judge-cancel": (from) => from.closest("form").remove(),
  "export-md": () => save("md", "text/markdown", asMarkdown),
  "export-json": () => save("json", "application/json", asJson),
  "clear-scope": sources.clearScope,
  "ask-here": (from) => {
    sources.setScope([{ id: from.dataset.source, title: $("#evidence-title").textContent }]);
    tab("chat");
    $("#question").focus();
  },
  browse: (from) => {
    $("#find").value = from.dataset.pattern;
    sources.find(from.dataset.pattern);
  },
};

function change(how) {
  if (chat.busy()) chat.stop();
  how();
  closeEvidence();
  chat.drawChat();
  tab("chat");
  menu(false);
  $("#question").focus();
}

function menu(open) {
  document.body.classList.toggle("with-menu", open);
  if (open) $("#side .new").focus();
}

function save(ending, kind, form) {
  const now = store.current();
  if (now.turns.length) download(`ask-${new Date(now.at).toISOString().slice(0, 10)}.${ending}`, kind, form(now));
}

function tab(name) {
  for (const one of ["chat", "sources"]) {
    const chosen = one === name;
    $(`#${one}`).hidden = !chosen;
    const label = $(`#tab-${one}`);
    label.setAttribute("aria-selected", String(chosen));
    label.tabIndex = chosen ? 0 : -1;
  }
  if (name === "sources") sources.showGroups();
}

function turnTo(name) {
  setLanguage(name);
  translate($("#ask"));
  $("#language").value = language();
  $("#examples").replaceChildren(
    ...examples().map((text) => el("li", {}, el("button", { type: "button", class: "example", "data-question": text }, text))),
  );
}

function theme(name) {
  document.documentElement.dataset.theme = name;
  $("#theme").value = name;
  remember("theme", name);
}

// -- what people do -------------------------------------------------------------------------------

function clicked(event) {
  const from = event.target.closest("button, a, .scrim");
  if (!from) {
    if (event.target === document.body || event.target.id === "ask") menu(false);
    return;
  }
  const { dataset } = from;
  if (from.classList.contains("cite")) event.preventDefault();
  if (dataset.do) actions[dataset.do]?.(from);
  else if (dataset.source !== undefined) openEvidence(from, "whole" in dataset);
  else if (dataset.ask !== undefined) chat.ask(dataset.ask);
  else if (dataset.question !== undefined) chat.ask(dataset.question);
  else if (dataset.chat !== undefined) change(() => store.choose(dataset.chat));
  else if (from.getAttribute("role") === "tab") tab(from.id.slice(4));
}

function pressed(event) {
  // While Hangul is composed, Enter ends the syllable and does not send.
  const composing = event.isComposing || event.keyCode === 229;
  if (event.target.id === "question" && event.key === "Enter" && !event.shiftKey && !composing) {
    event.preventDefault();
    chat.send();
  } else if (event.key === "Escape") {
    if (!$("#tip").hidden) hideTip();
    else if (document.body.classList.contains("with-menu")) menu(false);
    else closeEvidence();
  } else if (event.target.getAttribute?.("role") === "tab" && event.key.startsWith("Arrow")) {
    const other = event.target.id === "tab-chat" ? "sources" : "chat";
    tab(other);
    $(`#tab-${other}`).focus();
  }
}

function listen() {
  document.addEventListener("click", clicked);
  document.addEventListener("keydown", pressed);
  for (const [begin, end] of [["mouseover", "mouseout"], ["focusin", "focusout"]]) {
    document.addEventListener(begin, (event) => event.target.closest?.(".cite") && showTip(event.target.closest(".cite")));
    document.addEventListener(end, (event) => event.target.closest?.(".cite") && hideTip());
  }
  $("#form").addEventListener("submit", (event) => {
    event.preventDefault();
    chat.send();
  });
  $("#question").addEventListener("input", chat.drawComposer);
  $("#language").addEventListener("change", (event) => turnTo(event.target.value));
  $("#theme").addEventListener("change", (event) => theme(event.target.value));
  $("#groups").addEventListener("change", (event) => sources.toggleGroup(event.target.dataset.group));
  let timer;
  $("#find").addEventListener("input", (event) => {
    clearTimeout(timer);
    timer = setTimeout(() => sources.find(event.target.value), 150);
  });
}

// -- the index ------------------------------------------------------------------------------------

const STAGES = ["reading", "splitting", "embedding", "writing"];

async function watch() {
  for (;;) {
    const status = await call("page_status").catch(() => null);
    const box = $("#status");
    if (status?.state === "ready") {
      box.hidden = true;
      chat.setReady();
      return;
    }
    box.hidden = false;
    tell(box, status);
    if (status?.state === "failed") return;
    await new Promise((done) => setTimeout(done, status ? 400 : 2000));
  }
}

function tell(box, status) {
  const bar = $("progress", box);
  const state = status?.state ?? "network";
  const headline = { building: "building", opening: "opening", network: "error-network" }[state];
  $("p", box).textContent = headline ? t(headline) : status.problem;
  bar.hidden = state === "failed" || state === "network";
  if (status?.total > 1) {
    bar.max = status.total;
    bar.value = status.done;
  } else bar.removeAttribute("value");
  const stage = STAGES.find((name) => status?.stage.startsWith(name));
  $("#status-told").textContent = stage
    ? `${t(`stage-${stage}`)} ${status.stage.split(" ")[1] ?? ""} ${status.total > 1 ? `${Math.round((100 * status.done) / status.total)} %` : ""}`
    : "";
}

// -- start ----------------------------------------------------------------------------------------

function start(root) {
  document.body.prepend(root); // out of Gradio's own styles
  root.hidden = false;
  loadWords(root.dataset.words);
  theme(recall("theme") ?? "auto");
  turnTo(firstLanguage());
  sources.drawScope();
  chat.drawChat();
  listen();
  chat.drawComposer();
  $("#question").focus();
  performance.mark("ask-ready");
  watch();
}

function whenThere(found) {
  const root = $("#ask");
  if (root) return found(root);
  new MutationObserver((_, observer) => {
    const late = $("#ask");
    if (late) {
      observer.disconnect();
      found(late);
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
}

whenThere(start);
