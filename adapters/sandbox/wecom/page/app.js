"use strict";
// What one person sees in WeCom, and what they do. Everything that was written by anybody is put on the page as text.

const state = {
  lang: "zh", people: [], users: new Map(), me: null, app: "", bot: "", chat: "app", chats: new Map(), messages: new Map(), calls: [], acts: new Map(), quote: null,
  read: {}, drafts: {}, source: null, trouble: { kind: "", seconds: 0 }, connected: { app: false, bot: false }, waiting: new Map(), drawn: new Map(),
};
const nameOf = (id) => (id === "app" ? state.app : id === "bot" ? state.bot : state.users.get(id)?.name ?? id);
const chatOf = (id) => state.chats.get(id);

// ------------------------------------------------------------ people and chats
function face(id) {
  const node = el("span", id === "app" || id === "bot" ? "face robot" : "face", id === "app" ? "应" : id === "bot" ? "机" : [...nameOf(id)].at(/^[\x00-\x7f]/.test(nameOf(id)) ? 0 : -1));
  node.setAttribute("aria-hidden", "true");
  node.style.setProperty("--hue", String(Math.max(0, state.people.findIndex((p) => p.id === id)) * 67 + 205));
  return node;
}
function drawWords() {
  drawLabels();
  drawPeople(); drawTroubles(); drawAll();
}
function drawAll() { drawChats(); drawChat(); drawLink(); drawBanner(); drawPhone(); }
const inChat = (id) => [...state.messages.values()].filter((m) => m.chat === id).sort((a, b) => a.n - b.n);
const order = () => [...[...state.chats.values()].filter((c) => !c.direct).sort((a, b) => latest(b.id) - latest(a.id)).map((c) => c.id), "app", "bot"];
const latest = (id) => inChat(id).at(-1)?.n ?? 0;
function unread(id) { const seen = state.read[`${state.me}/${id}`] ?? 0; return inChat(id).filter((m) => m.n > seen && m.author !== state.me && m.kind !== "note").length; }
function drawChats() {
  $("chats").replaceChildren(...order().filter((id) => state.chats.has(id)).map((id) => {
    const chat = chatOf(id);
    const item = el("li");
    const button = el("button");
    button.type = "button";
    if (id === state.chat) button.setAttribute("aria-current", "true");
    const count = id === state.chat ? 0 : unread(id);
    if (count) item.classList.add("new");
    const label = el("span", "label", chat.direct ? nameOf(id) : chat.name);
    label.title = chat.name;
    button.append(chat.direct ? face(id) : el("span", "face group", "群"), label);
    if (chat.direct) button.append(el("span", "tag", t(id === "app" ? "app" : "robot")));
    else if (chat.bot) button.append(el("span", "tag", t("robot")));
    if (count) button.append(el("span", "badge", String(count)));
    button.addEventListener("click", () => enter(id));
    item.append(button);
    return item;
  }));
}

// ------------------------------------------------------------ one chat
function drawChat() {
  const chat = chatOf(state.chat);
  if (!chat) return;
  $("title").textContent = chat.direct ? nameOf(chat.id) : chat.name;
  $("note").textContent = chat.id === "app" ? t("noteApp") : chat.id === "bot" ? t("noteBot") : chat.bot ? t("hears")(state.bot) : chat.push_only ? t("pushOnly") : t("noBot");
  $("note").classList.toggle("warn", !chat.direct && !chat.bot);
  $("bot").hidden = $("members").hidden = chat.direct;
  $("bot").textContent = chat.bot ? t("removeBot") : t("addBot");
  $("members").textContent = chat.direct ? "" : `👥 ${chat.members.length} ${t("members")}`;
  $("say").placeholder = t("toChat");
  const chips = chat.id === "app" ? t("chipsApp") : chat.id === "bot" ? t("chipsBot") : t("chipsRoom").map((line) => `@${state.bot} ${line}`);
  $("chips").replaceChildren(...(chat.direct || chat.bot ? chips : []).map((line) => { const button = el("button", "", line.trim()); button.type = "button"; button.addEventListener("click", () => compose(line)); return button; }));
  const shown = inChat(state.chat);
  const stay = atEnd();
  settle($("messages"), shown.length ? shown.map(keyed) : [el("p", "empty", t("empty"))]);
  if (stay) toEnd();
  document.title = `${$("title").textContent} · warroom`;
}
function keyed(message) {
  const sign = JSON.stringify([message, state.lang, state.me]);
  const kept = state.drawn.get(message.n);
  if (kept && kept.sign === sign) return kept.node;
  const node = drawMessage(message);
  state.drawn.set(message.n, { sign, node });
  return node;
}
function drawMessage(message) {
  if (message.kind === "note") return el("p", "system", message.text);
  const node = el("article", `msg${message.author === state.me ? " mine" : ""}`);
  node.dataset.n = message.n;
  const body = el("div", "content");
  const head = el("div", "head");
  head.append(el("span", "author", nameOf(message.author)));
  if (message.bot) head.append(el("span", "tag", t(message.author === "app" ? "app" : "robot")));
  head.append(timeOf(message.at));
  const quote = el("button", "quiet quote", t("quote"));
  quote.type = "button";
  quote.addEventListener("click", () => { state.quote = message; drawQuote(); $("say").focus(); });
  head.append(quote);
  body.append(head);
  const quoted = message.quote ? state.messages.get(message.quote) : null;
  if (quoted) body.append(el("blockquote", "", `${nameOf(quoted.author)}: ${brief(quoted)}`));
  if (message.card) body.append(drawCard(message.card, message.chosen, { press: (key, control) => press(message, key, control), choose: (question, options) => act("choose", { n: message.n, question, options }) }, t));
  else { const words = el("div", "bubble"); words.append(message.kind === "markdown" || message.kind === "stream" ? marked(message.text) : plain(message.text)); body.append(words); }
  node.append(face(message.author), body);
  return node;
}
function plain(text) { const out = el("div", "plain"); out.append(inline(text)); return out; }
const brief = (message) => (message.card ? message.card.title || message.card.sub_title_text : message.text).split("\n")[0].slice(0, 40);
function drawQuote() { $("quoting").hidden = !state.quote; if (state.quote) $("quoting").firstElementChild.textContent = `${t("quoting")}${nameOf(state.quote.author)} ${brief(state.quote)}`; }
async function press(message, key, control) {
  control.setAttribute("aria-busy", "true");
  const { ok, said } = await act("press", { n: message.n, key });
  if (!ok || !said.act) { control.removeAttribute("aria-busy"); return; }
  state.waiting.set(said.act.n, control);
  over(said.act.n);
}
function over(n) {
  const done = state.acts.get(n);
  if (!done || done.state === "waiting" || !state.waiting.has(n)) return;
  const control = state.waiting.get(n);
  state.waiting.delete(n);
  if (control) control.removeAttribute("aria-busy");
  if (done.state === "failed") toast(t("actFailed")(done.error));
}

// ------------------------------------------------------------ trouble, and the phone
function drawTroubles() {
  $("troubles").replaceChildren(...Object.keys(t("troubles")).map((kind) => {
    const [name, told] = t("troubles")[kind];
    const row = el("div", "trouble");
    const seconds = el("input");
    seconds.type = "number"; seconds.min = "1"; seconds.max = "60"; seconds.value = "5";
    seconds.setAttribute("aria-label", `${name} (${t("seconds")})`);
    const button = el("button", "", name);
    button.type = "button";
    button.dataset.kind = kind;
    button.title = told(seconds.value);
    button.addEventListener("click", () => post("/page/trouble", { kind, seconds: kind === "slow" ? Number(seconds.value) : 0 }));
    row.append(button);
    if (kind === "slow") row.append(seconds, el("span", "unit", t("seconds")));
    return row;
  }));
}
function drawBanner() {
  const { kind, seconds } = state.trouble;
  $("banner").hidden = !kind;
  if (kind) $("banner").firstElementChild.textContent = `⚠️ ${t("now")}${t("troubles")[kind][0]} — ${t("troubles")[kind][1](seconds)}`;
  for (const button of document.querySelectorAll("#troubles button")) button.setAttribute("aria-pressed", String(button.dataset.kind === kind));
}
const ringing = () => state.calls.find((call) => call.rings);
function drawPhone() { $("phone").hidden = !ringing(); }
function drawLink() {
  const open = state.source && state.source.readyState === EventSource.OPEN;
  const one = (name, on) => `${t(name)} ${t(on ? "on" : "off")}`;
  $("link").textContent = open ? `${one("linkApp", state.connected.app)} · ${one("linkBot", state.connected.bot)}` : t("gone");
  $("link").classList.toggle("off", !open || !(state.connected.app || state.connected.bot));
}

// ------------------------------------------------------------ what happens
function toEnd() { $("scroll").scrollTop = $("scroll").scrollHeight; }
function markRead() { state.read[`${state.me}/${state.chat}`] = latest(state.chat); }
function enter(id) {
  if (!state.chats.has(id)) return;
  state.drafts[`${state.me}/${state.chat}`] = $("say").value;
  Object.assign(state, { chat: id, quote: null });
  remember("chat", chatOf(id).name);
  $("say").value = state.drafts[`${state.me}/${id}`] ?? "";
  if (chatOf(id).direct) act("open", { chat: id });
  markRead(); drawQuote(); drawAll(); grow(); toEnd();
  $("side").classList.remove("open");
  $("menu").setAttribute("aria-expanded", "false");
  $("say").focus();
}
function become(id) {
  if (state.me !== null) state.drafts[`${state.me}/${state.chat}`] = $("say").value;
  Object.assign(state, { me: id, quote: null, messages: new Map(), chats: new Map(), acts: new Map(), waiting: new Map(), drawn: new Map(), calls: [] });
  remember("me", id);
  if (state.source) state.source.close();
  const source = state.source = new EventSource(`/page/events?as=${encodeURIComponent(id)}`);
  let first = true;
  source.onopen = () => { first = true; drawLink(); };
  source.onerror = drawLink;
  source.onmessage = (event) => { if (source === state.source) { take(JSON.parse(event.data), first); first = false; } };
  drawPeople(); drawLink(); drawQuote();
}
function take(seen, first) {
  if (first) {
    Object.assign(state, { messages: new Map(), acts: new Map(), app: seen.app, bot: seen.bot });
    state.users = new Map(seen.users.map((user) => [user.id, user]));
  }
  const stay = atEnd();
  state.chats = new Map(seen.chats.map((chat) => [chat.id, chat]));
  for (const message of seen.messages) if (message.deleted) state.messages.delete(message.n); else state.messages.set(message.n, message);
  for (const [n, message] of state.messages) if (!state.chats.has(message.chat)) state.messages.delete(n);
  for (const done of seen.acts) { state.acts.set(done.n, done); over(done.n); }
  Object.assign(state, { calls: seen.calls, trouble: seen.trouble, connected: seen.connected });
  $("outage").hidden = !seen.samples.length;
  if (!state.chats.has(state.chat) || (first && state.wanted)) {
    const wanted = [...state.chats.values()].find((c) => c.name === (state.wanted ?? "incidents"));
    state.chat = wanted?.id ?? (state.chats.has(state.chat) ? state.chat : "app");
    state.wanted = null;
  }
  if (first || (stay && document.visibilityState === "visible")) markRead();
  drawAll();
  if (first || stay) toEnd();
}
async function act(what, more) {
  const answer = await post(`/page/${what}`, { as: state.me, ...more });
  if (!answer.ok) toast(answer.said.error ?? t("lost"));
  return answer;
}
async function say() {
  const text = $("say").value.trim();
  if (!text) return;
  $("say").value = "";
  const quoted = state.quote;
  const { ok, said } = await act("type", { chat: state.chat, text, ...(quoted ? { quote: quoted.n } : {}) });
  if (!ok) { $("say").value = text; $("say").focus(); return; }
  state.quote = null;
  if (said.act.state === "waiting") { state.waiting.set(said.act.n, null); over(said.act.n); }
  else if (said.act.state === "unheard" && text.startsWith("@")) toast(t("unheard"));
  drawQuote(); grow(); toEnd();
}
function compose(line) { $("say").value = line; grow(); $("say").focus(); $("say").setSelectionRange(line.length, line.length); }

$("form").addEventListener("submit", (event) => { event.preventDefault(); say(); });
$("say").addEventListener("input", () => grow());
$("say").addEventListener("keydown", (event) => {
  // While a Chinese word is being composed, the keys belong to the input method.
  if (event.isComposing || event.keyCode === 229 || event.altKey) return;
  if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); say(); }
  else if (event.key === "Escape") { state.quote = null; drawQuote(); }
});
$("unquote").addEventListener("click", () => { state.quote = null; drawQuote(); });
document.addEventListener("keydown", (event) => {
  if (!event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
  const digit = /^Digit([1-9])$/.exec(event.code);
  if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); enter(step(order(), state.chat, event.key === "ArrowDown" ? 1 : -1)); }
  else if (digit && state.people[digit[1] - 1]) { event.preventDefault(); become(state.people[digit[1] - 1].id); }
});
document.addEventListener("click", (event) => { for (const open of document.querySelectorAll("details.tools[open]")) if (!open.contains(event.target)) open.open = false; });
$("scroll").addEventListener("scroll", () => { if (atEnd()) markRead(); });
$("fire").addEventListener("click", () => alerts(true, ["outage"], "sent"));
$("warn").addEventListener("click", () => alerts(true, ["warning"], "warned"));
$("resolve").addEventListener("click", () => alerts(false, ["outage", "warning"], "over"));
$("normal").addEventListener("click", () => post("/page/trouble", { kind: "" }));
$("take").addEventListener("click", () => { const call = ringing(); if (call) act("take", { callid: call.callid }); });
$("decline").addEventListener("click", () => { const call = ringing(); if (call) act("decline", { callid: call.callid }); });
$("bot").addEventListener("click", () => act(chatOf(state.chat).bot ? "remove" : "invite", { chat: state.chat, user: "bot" }));
$("gather").addEventListener("click", async () => {
  const name = window.prompt(t("gatherName"));
  if (!name) return;
  const { ok, said } = await act("gather", { name, members: state.people.map((p) => p.id) });
  if (ok) state.wanted = name;
  if (ok && state.chats.has(said.chat)) enter(said.chat);
});
$("members").addEventListener("click", () => {
  const dialog = $("people");
  const close = el("button", "quiet", "✕");
  close.type = "button";
  close.setAttribute("aria-label", t("close"));
  close.addEventListener("click", () => dialog.close());
  const chat = chatOf(state.chat);
  const list = el("ul");
  for (const id of [...chat.members, ...(chat.bot ? ["bot"] : [])]) { const item = el("li"); item.append(face(id), el("span", "", nameOf(id))); list.append(item); }
  const head = el("header");
  head.append(el("h2", "", t("membersTitle")), close);
  dialog.replaceChildren(head, list);
  dialog.showModal();
});
$("lang").addEventListener("click", changeLanguage);
$("menu").addEventListener("click", () => $("menu").setAttribute("aria-expanded", String($("side").classList.toggle("open"))));

(async function start() {
  state.people = (await (await fetch("/page/people")).json()).people;
  for (const person of state.people) state.users.set(person.id, person);
  const kept = recall("lang");
  state.lang = WORDS[kept] ? kept : state.people[0]?.lang === "en" ? "en" : "zh";
  state.wanted = recall("chat") ?? "incidents";
  const me = recall("me");
  become(state.people.some((p) => p.id === me) ? me : state.people[0].id);
  drawWords();
  $("say").focus();
})();
