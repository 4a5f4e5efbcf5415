// The chats of this browser. Nothing of them is kept on the server.
//
// chat: {id, title, at, turns}; turn: {question, html, footer, record, thumb}.

import { recall, remember } from "./words.js";

const MOST = 60;

let chats = recall("chats") ?? [];
let chat = chats.find((one) => one.id === recall("current")) ?? fresh();

function fresh() {
  return { id: `${Date.now()}-${Math.random().toString(36).slice(2)}`, title: "", at: Date.now(), turns: [] };
}

export const all = () => chats;
export const current = () => chat;

export function begin() {
  chat = fresh();
  remember("current", chat.id);
}

export function choose(id) {
  chat = chats.find((one) => one.id === id) ?? fresh();
  remember("current", chat.id);
}

export function drop(id) {
  chats = chats.filter((one) => one.id !== id);
  save();
  if (chat.id === id) begin();
}

// Puts the current chat first and keeps what fits.
export function keep() {
  chat.title = chat.turns[0]?.question ?? "";
  chat.at = Date.now();
  chats = [chat, ...chats.filter((one) => one.id !== chat.id)]
    .filter((one) => one.turns.length)
    .slice(0, MOST);
  save();
  remember("current", chat.id);
}

function save() {
  while (!remember("chats", chats) && chats.length > 1) chats.pop();
}

// The turns before `upto` as the server wants them.
export function history(upto) {
  return chat.turns
    .slice(0, upto)
    .filter((turn) => turn.record)
    .slice(-6)
    .map((turn) => ({ question: turn.question, answer: turn.record.answer.slice(0, 500) }));
}
