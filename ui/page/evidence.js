// The panel beside the chat, and the quote that is shown at a marker.

import { $, el, say } from "./dom.js";
import { call, Failed } from "./server.js";
import { language, t, translate } from "./words.js";

let opener = null;
let wanted = 0;

export async function openEvidence(from, whole = false) {
  const { source, start, end } = from.dataset;
  const ticket = ++wanted;
  const panel = $("#evidence");
  if (!panel.contains(from)) opener = from;
  for (const node of document.querySelectorAll(".shown")) node.classList.remove("shown");
  if (!panel.contains(from)) from.classList.add("shown");
  hideTip();
  try {
    const options = { language: language() };
    const html = await call("page_evidence", source, Number(start), Number(end), whole, options);
    if (ticket !== wanted) return;
    const page = $("#page");
    page.innerHTML = html; // escaped by ui/evidence.py
    panel.hidden = false;
    document.body.classList.add("with-evidence");
    translate(panel);
    const mark = $("mark", page);
    const text = $(".document", page);
    if (mark) {
      const above = mark.getBoundingClientRect().top - text.getBoundingClientRect().top;
      if (above > text.clientHeight * 0.6) text.scrollTop = above - text.clientHeight * 0.3;
    }
    $("#evidence-title").focus({ preventScroll: true });
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    say(error.told || t(`error-${error.key}`));
  }
}

export function closeEvidence() {
  const panel = $("#evidence");
  if (panel.hidden) return;
  wanted += 1;
  panel.hidden = true;
  document.body.classList.remove("with-evidence");
  for (const node of document.querySelectorAll(".shown")) node.classList.remove("shown");
  if (opener?.isConnected) opener.focus();
}

// -- the quote at a marker ----------------------------------------------------------------------

export function showTip(marker) {
  const tip = $("#tip");
  const where = document.createElement("cite");
  where.textContent = marker.dataset.where;
  const quote = `“${marker.dataset.quote}”`.split(/`([^`\n]+)`/);
  tip.replaceChildren(...quote.map((part, at) => (at % 2 ? el("code", {}, part) : part)), where);
  tip.hidden = false;
  marker.setAttribute("aria-describedby", "tip");
  const box = marker.getBoundingClientRect();
  const left = Math.min(Math.max(12, box.left - 24), innerWidth - tip.offsetWidth - 12);
  const above = box.top - tip.offsetHeight - 10;
  tip.style.left = `${left}px`;
  tip.style.top = `${above > 8 ? above : box.bottom + 10}px`;
}

export function hideTip() {
  $("#tip").hidden = true;
  $("[aria-describedby='tip']")?.removeAttribute("aria-describedby");
}
