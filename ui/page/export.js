// A chat as a file: Markdown for people, JSON for programs, both with every citation.

import { language, t } from "./words.js";

export function asMarkdown(chat) {
  const parts = [`# ${line(chat.title)}`];
  for (const turn of chat.turns.filter((one) => one.record)) {
    const { record } = turn;
    parts.push(`## ${line(turn.question)}`);
    if (record.completed) parts.push(`*${t("completed")}: ${line(record.completed)}*`);
    parts.push(record.answer.split("\n").join("\n\n").replace(/```[^]*?```/g, (code) => code.replaceAll("\n\n", "\n")));
    if (record.citations.length) parts.push(record.citations.map(cited).join("\n"));
  }
  return `${parts.join("\n\n")}\n`;
}

function cited(citation) {
  const facts = [citation.title, citation.version, citation.date].filter(Boolean).join(" · ");
  const where = citation.url ?? citation.source;
  const quote = citation.quote.split("\n").map((one) => `   > ${one}`).join("\n");
  return `${citation.marker}. ${line(facts)} <${where}>, \`${citation.source}\` ${citation.start}-${citation.end}\n\n${quote}\n`;
}

const line = (text) => text.replace(/\s+/g, " ").trim();

export function asJson(chat) {
  const turns = chat.turns
    .filter((turn) => turn.record)
    .map((turn) => ({ question: turn.question, answer: turn.record, helpful: turn.thumb ?? null }));
  const at = new Date(chat.at).toISOString();
  return `${JSON.stringify({ title: chat.title, at, language: language(), turns }, null, 1)}\n`;
}

export function download(name, kind, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: kind }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
