"use strict";
// What the pages of all stand-ins share. Each has its own `WORDS`, and its own `state` with at least `lang`, `people` and `me`.
// Everything that was written by anybody is put on a page as text, never as mark-up.

const $ = (id) => document.getElementById(id);
const t = (key) => WORDS[state.lang][key];
const step = (list, from, by) => list[(list.indexOf(from) + by + list.length) % list.length];
const atEnd = () => $("scroll").scrollHeight - $("scroll").scrollTop - $("scroll").clientHeight < 80;
function el(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}
function remember(key, value) { try { localStorage.setItem("warroom." + key, value); } catch { /* a private window keeps nothing */ } }
function recall(key) { try { return localStorage.getItem("warroom." + key); } catch { return null; } }
async function post(path, body) {
  try {
    const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    return { ok: response.ok, said: await response.json() };
  } catch { return { ok: false, said: {} }; }
}

// ------------------------------------------------------------ drawing
// Only what changed is drawn anew: an open menu, a focus and the place in the list stay.
function settle(list, nodes) {
  for (const [n, node] of nodes.entries()) if (list.children[n] !== node) list.insertBefore(node, list.children[n] ?? null);
  while (list.children.length > nodes.length) list.lastChild.remove();
}
function grow(box = $("say")) { box.style.height = "auto"; box.style.height = Math.min(box.scrollHeight + 2, 160) + "px"; }
let hiding = 0;
function toast(words, type = "") {
  $("toast").textContent = words;
  $("toast").className = type;
  $("toast").hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { $("toast").hidden = true; }, 8000);
}
function timeOf(seconds, timeZone = "Asia/Shanghai") {
  const at = new Date(seconds * 1000);
  const node = el("time", "", at.toLocaleTimeString(state.lang === "zh" ? "zh-CN" : "en-GB", { timeZone, hour: "2-digit", minute: "2-digit" }));
  node.dateTime = at.toISOString();
  return node;
}
function drawLabels() {
  document.documentElement.lang = state.lang === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  $("lang").textContent = t("language");
}
function drawPeople() {
  $("who").replaceChildren(...state.people.map((person) => {
    const button = el("button");
    button.type = "button";
    button.setAttribute("role", "radio");
    const chosen = person.id === state.me;
    button.setAttribute("aria-checked", String(chosen));
    button.tabIndex = chosen ? 0 : -1;
    const words = el("span", "words");
    words.append(el("span", "name", person.real_name ?? person.name), el("span", "duty", person.duty));
    button.append(face(person.id), words);
    button.addEventListener("click", () => become(person.id));
    return button;
  }));
}

// ------------------------------------------------------------ what is pressed
async function alerts(firing, samples, done) {
  const buttons = [$("fire"), $("warn"), $("resolve")];
  for (const button of buttons) button.disabled = true;
  let worst = 200;
  for (const sample of samples) { const { said } = await post("/page/outage", { firing, sample }); worst = said.status >= 200 && said.status < 300 ? worst : said.status || 0; }
  $("outage-said").textContent = t(worst === 200 ? done : worst ? "refused" : "lost");
  for (const button of buttons) button.disabled = false;
}
function changeLanguage() {
  state.lang = state.lang === "zh" ? "en" : "zh";
  remember("lang", state.lang);
  $("outage-said").textContent = "";
  drawWords();
  post("/page/lang", { lang: state.lang });
}
$("who").addEventListener("keydown", (event) => {
  const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (!by || event.altKey) return;
  event.preventDefault();
  become(step(state.people.map((person) => person.id), state.me, by));
  $("who").querySelector('[aria-checked="true"]')?.focus();
});
