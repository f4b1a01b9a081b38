"use strict";
// Everything that people or the bot wrote is put on the page as text, never as mark-up.

const WORDS = {
  zh: {
    tagline: "沙盒：一个人扮演所有人", who: "我现在是", rooms: "群与私聊", outage: "演练一次故障", fire: "触发示例故障", resolve: "告警恢复",
    direct: "与 warroom 私聊", send: "发送", message: "消息", newest: "↓ 新消息", skip: "跳到输入框", keys: "回车发送，Shift+回车换行，Alt+↑↓ 换群，Alt+1…9 换人",
    private: "仅你可见", bot: "机器人", waiting: "发送中…", failed: "机器人没有收下", closed: "群已关闭", people: "人", on: "已连接", off: "连接断开，正在重连…",
    everybody: "所有人", placeholderRoom: "说话；找机器人：@bot 帮助", placeholderDirect: "直接对机器人说，例如：现状", language: "English",
    sent: "告警已送达，看看大厅和新群", over: "恢复已送达", lost: "机器人没有回应", refused: "机器人拒绝了告警",
    emptyDirect: "这里只有你和机器人。\n可以问“现状”“列表”“帮助”，或者直接“声明 P2 支付超时”。",
    emptyRoom: "还没有消息。\n在这里 @bot 说话，大家都看得到；点左下角触发一次示例故障，机器人会建群叫人。",
    hintsRoom: ["@bot 帮助", "@bot 现状", "@bot 确认故障", "@bot 指挥", "@bot 记录 决策 ", "@bot 进展 ", "@bot 等级 P2 ", "@bot 定位 ", "@bot 恢复 ", "@bot 时间线", "@bot 关闭 --no-postmortem \"\""],
    hintsHall: ["@bot 帮助", "@bot 列表", "@bot 声明 P2 支付服务 ", "@bot 上报 "],
    hintsDirect: ["帮助", "列表", "现状", "我是谁", "上报 ", "声明 P2 支付服务 "],
  },
  en: {
    tagline: "Sandbox: play everybody", who: "I am", rooms: "Rooms and direct chats", outage: "Try an incident", fire: "Fire the sample outage", resolve: "Resolve its alerts",
    direct: "Direct chat with warroom", send: "Send", message: "Message", newest: "↓ New messages", skip: "Skip to the message box", keys: "Enter sends, Shift+Enter breaks the line, Alt+↑↓ changes room, Alt+1…9 person",
    private: "only you see this", bot: "bot", waiting: "sending…", failed: "the bot did not take it", closed: "this room is closed", people: "people", on: "connected", off: "connection lost, trying again…",
    everybody: "everybody", placeholderRoom: "Talk; for the bot: @bot help", placeholderDirect: "Talk to the bot, for example: brief", language: "中文",
    sent: "Alerts delivered; look at the hall and the new room", over: "Resolution delivered", lost: "The bot did not answer", refused: "The bot refused the alerts",
    emptyDirect: "Only you and the bot are here.\nTry “brief”, “list” or “help”, or declare at once: “declare P2 payments timing out”.",
    emptyRoom: "Nothing here yet.\nEverybody sees what you tell @bot here. Fire the sample outage at the lower left, and the bot opens a room and calls people.",
    hintsRoom: ["@bot help", "@bot brief", "@bot confirm", "@bot commander", "@bot note decision ", "@bot update ", "@bot severity P2 ", "@bot mark located ", "@bot recover ", "@bot timeline", "@bot close --no-postmortem \"\""],
    hintsHall: ["@bot help", "@bot list", "@bot declare P2 payments ", "@bot report "],
    hintsDirect: ["help", "list", "brief", "whoami", "report ", "declare P2 payments "],
  },
};
const DIRECT = "";  // the key of the direct chat among the rooms
const state = { lang: "zh", people: [], me: null, room: DIRECT, rooms: new Map(), messages: new Map(), read: {}, source: null, drafts: {} };

function face(id) {
  const person = personOf(id);
  const name = person ? person.name : "bot";
  const node = el("span", person ? "face" : "face bot", person ? [...name].slice(-1)[0] : "!");
  node.setAttribute("aria-hidden", "true");
  if (person) node.style.setProperty("--hue", String(state.people.indexOf(person) * 67 + 205));
  return node;
}
const personOf = (id) => state.people.find((p) => p.id === id);

// ------------------------------------------------------------ drawing
function drawWords() {
  drawLabels();
  drawPeople(); drawRooms(); drawRoom(); drawLink();
}
function order() {
  const rooms = [...state.rooms.values()];
  const rank = (room) => (room.closed ? 2 : room.hall ? 0 : 1);
  rooms.sort((a, b) => rank(a) - rank(b) || (a.hall ? 0 : b.name.localeCompare(a.name)));
  return [DIRECT, ...rooms.map((room) => room.name)];
}
const inRoom = (key) => [...state.messages.values()].filter((m) => (m.room ?? DIRECT) === key).sort((a, b) => a.n - b.n);
const readKey = (key) => `${state.me}/${key}`;
function unread(key) {
  const seen = state.read[readKey(key)] ?? 0;
  return inRoom(key).filter((m) => m.n > seen && m.author !== state.me).length;
}
function drawRooms() {
  $("rooms").replaceChildren(...order().map((key) => {
    const room = state.rooms.get(key);
    const item = el("li", room && room.closed ? "closed" : "");
    const button = el("button");
    button.type = "button";
    if (key === state.room) button.setAttribute("aria-current", "true");
    const sign = el("span", "sign", key === DIRECT ? "@" : room.hall ? "#" : room.closed ? "✓" : "●");
    sign.setAttribute("aria-hidden", "true");
    const label = el("span", "label", key === DIRECT ? t("direct") : room.title);
    label.title = label.textContent;
    button.append(sign, label);
    const count = key === state.room ? 0 : unread(key);
    if (count) button.append(el("span", "badge", String(count)));
    button.addEventListener("click", () => enter(key));
    item.append(button);
    return item;
  }));
}
function drawRoom() {
  const room = state.rooms.get(state.room);
  $("title").textContent = room ? room.title : t("direct");
  $("topic").textContent = room ? (room.closed ? `${t("closed")}　${room.topic}` : room.topic) : "";
  const names = room && !room.hall ? room.people.map((id) => personOf(id)?.name ?? id) : [];
  $("members").textContent = !room ? "" : room.hall ? t("everybody") : `${names.length} ${t("people")}：${names.join(state.lang === "zh" ? "、" : ", ")}`;
  if (state.lang === "en") $("members").textContent = $("members").textContent.replace("：", ": ");
  const say = $("say");
  say.disabled = $("send").disabled = Boolean(room && room.closed);
  say.placeholder = room && room.closed ? t("closed") : room ? t("placeholderRoom") : t("placeholderDirect");
  const hints = !room ? t("hintsDirect") : room.hall ? t("hintsHall") : t("hintsRoom");
  $("hints").setAttribute("aria-label", t("message"));
  $("hints").replaceChildren(...hints.map((line) => {
    const button = el("button", "", line.trim());
    button.type = "button";
    button.addEventListener("click", () => { say.value = line; grow(); say.focus(); const at = line.endsWith('""') ? line.length - 1 : line.length; say.setSelectionRange(at, at); });
    return button;
  }));
  const shown = inRoom(state.room);
  const list = $("messages");
  list.replaceChildren(...(shown.length ? shown.map(drawMessage) : [el("p", "empty", t(room ? "emptyRoom" : "emptyDirect"))]));
  document.title = (room ? room.title + " · " : "") + "warroom";
}
function drawMessage(message) {
  const person = personOf(message.author);
  const mine = message.author === state.me;
  const node = el("article", "msg" + (mine ? " mine" : "") + (person ? "" : " from-bot") + (message.private ? " private" : ""));
  node.dataset.n = String(message.n);
  const body = el("div");
  const head = el("div", "head");
  head.append(el("span", "author", person ? person.name : "warroom"));
  if (!person) head.append(el("span", "tag", t("bot")));
  if (message.private) head.append(el("span", "tag eyes", t("private")));
  const time = el("time", "", new Date(message.at).toLocaleTimeString(state.lang === "zh" ? "zh-CN" : "en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" }));
  time.dateTime = message.at;
  head.append(time);
  const bubble = el("div", "bubble");
  bubble.append(...withMentions(message.text));
  body.append(head, bubble);
  if (mine && (message.state === "waiting" || message.state === "failed")) body.append(el("div", `state ${message.state}`, t(message.state)));
  node.append(face(message.author), body);
  return node;
}
function withMentions(text) {
  const names = state.people.flatMap((p) => [p.name, p.id]).concat("bot", "warroom").map((n) => n.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const parts = text.split(new RegExp(`(@(?:${names.join("|")}))`, "g"));
  return parts.filter(Boolean).map((part) => (/^@/.test(part) && parts.length > 1 ? el("span", "mention", part) : document.createTextNode(part)));
}
function drawLink() {
  const open = state.source && state.source.readyState === EventSource.OPEN;
  $("link").textContent = open ? t("on") : t("off");
  $("link").classList.toggle("off", !open);
}

// ------------------------------------------------------------ what happens
function toEnd() { const box = $("scroll"); box.scrollTop = box.scrollHeight; $("newest").hidden = true; }
function markRead() {
  const last = inRoom(state.room).at(-1);
  if (last) state.read[readKey(state.room)] = last.n;
}
function enter(key) {
  state.drafts[`${state.me}/${state.room}`] = $("say").value;
  state.room = key;
  $("say").value = state.drafts[`${state.me}/${key}`] ?? "";
  markRead(); drawRooms(); drawRoom(); grow(); toEnd();
  $("side").classList.remove("open");
  $("menu").setAttribute("aria-expanded", "false");
  if (!$("say").disabled) $("say").focus();
}
function become(id) {
  if (state.me !== null) state.drafts[`${state.me}/${state.room}`] = $("say").value;
  state.me = id;
  remember("me", id);
  state.messages = new Map();
  state.rooms = new Map();
  if (state.source) state.source.close();
  state.source = new EventSource(`/api/events?as=${encodeURIComponent(id)}`);
  let first = true;
  state.source.onopen = () => { first = true; drawLink(); };
  state.source.onerror = drawLink;
  state.source.onmessage = (event) => { take(JSON.parse(event.data), first); first = false; };
  $("say").value = state.drafts[`${id}/${state.room}`] ?? "";
  drawPeople(); drawLink();
  const chosen = $("who").querySelector('[aria-checked="true"]');
  if (document.activeElement && document.activeElement.closest && document.activeElement.closest("#who") && chosen) chosen.focus();
}
function take(seen, first) {
  if (first) { state.messages = new Map(); state.rooms = new Map(); }
  const stay = atEnd();
  for (const room of seen.rooms) state.rooms.set(room.name, room);
  let here = false;
  for (const message of seen.messages) {
    if (!state.messages.has(message.n) && (message.room ?? DIRECT) === state.room) here = true;
    state.messages.set(message.n, message);
  }
  if (state.room !== DIRECT && !state.rooms.has(state.room)) state.room = DIRECT;
  if (first || stay) markRead();
  drawRooms();
  drawRoom();
  if (first || stay) toEnd(); else if (here) $("newest").hidden = false;
}
async function say() {
  const text = $("say").value.trim();
  if (!text) return;
  $("say").value = "";
  grow();
  const { ok } = await post("/api/say", { as: state.me, room: state.room === DIRECT ? null : state.room, text });
  if (!ok) { $("say").value = text; grow(); } else toEnd();
}
async function outage(firing) {
  $("fire").disabled = $("resolve").disabled = true;
  const { said } = await post("/api/outage", { firing });
  $("outage-said").textContent = said.status >= 200 && said.status < 300 ? t(firing ? "sent" : "over") : t(said.status ? "refused" : "lost");
  $("fire").disabled = $("resolve").disabled = false;
}

$("form").addEventListener("submit", (event) => { event.preventDefault(); say(); });
$("say").addEventListener("input", () => grow());
$("say").addEventListener("keydown", (event) => {
  // While a Chinese word is being composed, Enter belongs to the input method.
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) { event.preventDefault(); say(); }
});
document.addEventListener("keydown", (event) => {
  if (!event.altKey || event.ctrlKey || event.metaKey) return;
  const digit = /^Digit([1-9])$/.exec(event.code);
  if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); enter(step(order(), state.room, event.key === "ArrowDown" ? 1 : -1)); }
  else if (digit && state.people[digit[1] - 1]) { event.preventDefault(); become(state.people[digit[1] - 1].id); }
});
$("scroll").addEventListener("scroll", () => { if (atEnd()) { $("newest").hidden = true; markRead(); } });
$("newest").addEventListener("click", toEnd);
$("fire").addEventListener("click", () => outage(true));
$("resolve").addEventListener("click", () => outage(false));
$("lang").addEventListener("click", () => { state.lang = state.lang === "zh" ? "en" : "zh"; remember("lang", state.lang); drawWords(); });
$("menu").addEventListener("click", () => $("menu").setAttribute("aria-expanded", String($("side").classList.toggle("open"))));

(async function start() {
  const said = await (await fetch("/api/people")).json();
  state.people = said.people;
  $("outage").hidden = !said.outage;
  const locale = state.people[0]?.locale ?? "zh";
  state.lang = recall("lang") ?? (locale.startsWith("en") ? "en" : "zh");
  const me = recall("me");
  if (!WORDS[state.lang]) state.lang = "zh";
  become(personOf(me) ? me : state.people[0].id);
  drawWords();
  $("say").focus();
})();
