"use strict";
// What one person sees of the company, and what they do. Everything that was written by anybody is put on the page as text.

const BOT = "bot";
const state = {
  lang: "zh", people: [], me: null, bot: { name: "" }, chat: BOT, chats: new Map(), messages: new Map(), acts: new Map(), dings: new Map(), tops: [],
  trouble: { kind: "", seconds: 0 }, connected: 0, calls: null, read: {}, drawn: new Map(), waiting: new Map(), source: null, wanted: null, offered: -1,
};
const person = (id) => state.people.find((one) => one.id === id);
const nameOf = (id) => person(id)?.name ?? (id ? state.bot.name : "");
const names = (word) => (word === "ALL" || word === "所有人" ? word : person(word)?.name ?? state.people.find((one) => one.name === word || one.mobile === word)?.name ?? (word === state.bot.name ? word : null));
const around = () => ({ t, names, act, asked });
const isRoom = (chat) => /\d{4}-\d{3}/.test(chat.title);

// ------------------------------------------------------------ drawing
function face(id) {
  const one = person(id), node = el("span", one ? "face" : "face bot", one ? [...one.name].slice(/^[\x00-\x7f]/.test(one.name) ? 0 : -2, /^[\x00-\x7f]/.test(one.name) ? 1 : undefined).join("") : "!");
  node.setAttribute("aria-hidden", "true");
  if (one) node.style.setProperty("--hue", String(Math.max(0, state.people.indexOf(one)) * 67 + 205));
  return node;
}
function drawWords() {
  drawLabels();
  state.drawn.clear();
  drawPeople(); drawAll();
}
function drawAll() { drawChats(); drawChat(); drawTops(); drawDings(); drawTroubles(); drawLink(); }
function order() {
  const rank = (chat) => (chat.disbanded ? 3 : /^\[(已关闭|Closed)\]/i.test(chat.title) ? 2 : isRoom(chat) ? 0 : 1);
  const open = [...state.chats.values()].sort((a, b) => rank(a) - rank(b) || a.title.localeCompare(b.title));
  return [...open.map((chat) => chat.id), BOT];
}
const inChat = (id) => [...state.messages.values()].filter((m) => m.chat === id).sort((a, b) => a.seq - b.seq);
const readKey = (id) => `${state.me}/${id}`;
function drawChats() {
  $("chats").replaceChildren(...order().map((id) => {
    const chat = state.chats.get(id), item = el("li", chat?.disbanded ? "over" : ""), button = el("button");
    button.type = "button";
    if (id === state.chat) button.setAttribute("aria-current", "true");
    const news = id === state.chat ? [] : inChat(id).filter((m) => m.seq > (state.read[readKey(id)] ?? 0) && m.user !== state.me && m.kind !== "notice");
    const label = el("span", "label", chat ? chat.title : state.bot.name);
    label.title = label.textContent;
    button.append(chat ? el("span", "sign", "👥") : face(""), label);
    if (!chat) button.append(el("span", "tag", t("robot")));
    if (news.some((m) => m.mine)) button.append(el("span", "tag at", t("mention")));
    if (news.length) button.append(el("span", "badge", String(news.length)));
    button.addEventListener("click", () => enter(id));
    item.append(button);
    return item;
  }));
}
function drawChat() {
  const chat = state.chats.get(state.chat);
  const title = chat ? chat.title : state.bot.name;
  $("title").textContent = title;
  $("topic").textContent = chat ? [t(chat.scene ? "scene" : "plain"), ...(chat.bot ? [] : [t("outsider")])].join(" · ") : "";
  $("members").hidden = !chat;
  $("members").textContent = `👥 ${chat?.members.length ?? 0} ${t("members")}`;
  $("bring").hidden = !chat || chat.bot || chat.disbanded;
  $("say").disabled = $("send").disabled = Boolean(chat?.disbanded);
  $("say").placeholder = chat?.disbanded ? t("ended") : chat ? t("toGroup")(title) : t("toBot");
  $("chips").replaceChildren(...(chat?.disbanded || (chat && !chat.bot) ? [] : t(chat ? "chipsGroup" : "chipsBot")).map((line) => {
    const words = chat ? `@${state.bot.name} ${line}` : line, button = el("button", "", words.trim());
    button.type = "button";
    button.addEventListener("click", () => compose(words));
    return button;
  }));
  const list = $("messages"), nodes = inChat(state.chat).map(keyed);
  const wanted = nodes.length ? nodes : [el("p", "empty", t("empty"))];
  const focus = document.activeElement?.name && list.contains(document.activeElement) ? document.activeElement : null;
  const place = focus ? [focus.closest(".msg")?.dataset.id, focus.name, focus.selectionStart] : null;
  settle(list, wanted);
  if (place && !document.contains(focus)) {
    const again = [...list.querySelectorAll(".msg")].find((m) => m.dataset.id === place[0])?.querySelector(`[name="${CSS.escape(place[1])}"]`);
    again?.focus();
    if (again && place[2] !== null && again.setSelectionRange) try { again.setSelectionRange(place[2], place[2]); } catch { /* a field without a caret */ }
  }
  document.title = `${title} · warroom`;
}
function keyed(message) {
  const sign = JSON.stringify([message, state.lang, state.me]), kept = state.drawn.get(message.id);
  if (kept && kept.sign === sign) return kept.node;
  const node = drawMessage(message);
  state.drawn.set(message.id, { sign, node });
  return node;
}
function drawMessage(message) {
  if (message.kind === "notice") return el("p", "system", message.content.content);
  const own = message.user === state.me, node = el("article", `msg${own ? " own" : ""}${message.bot ? " from-bot" : ""}${message.mine ? " to-me" : ""}`);
  node.dataset.id = message.id;
  const body = el("div", "content"), head = el("div", "head");
  head.append(el("span", "author", nameOf(message.user)), ...(message.bot ? [el("span", "tag", t("robot"))] : []), timeOf(message.sent));
  body.append(head);
  for (const id of message.card ? message.at : []) body.append(el("span", "at", `@${id === "@ALL" ? "ALL" : nameOf(id)} `));
  body.append(message.card ? drawCard(message, around()) : bubble(message));
  node.append(face(message.bot ? "" : message.user), body);
  return node;
}
function bubble(message) {
  const { kind, content } = message, box = el("div", "bubble");
  if (kind === "picture" || kind === "file") box.append(el("p", "", `📎 ${content.fileName}`));
  else if (kind === "text") box.append(plain(content.content, names));
  else if (kind === "markdown") box.append(markdown(content.text, names));
  else if (kind === "link") box.append(el("h3", "", content.title), el("p", "", content.text), anchor(content.url, content.url));
  else if (kind === "actionCard") {
    box.append(markdown(content.text, names));
    const row = el("div", "row");
    row.append(...content.buttons.map((one) => anchor(one.url, one.text)));
    box.append(row);
  } else box.append(`[${kind}]`);
  return box;
}
function drawTops() {
  const tops = state.tops.filter((top) => top.chat === state.chat);
  $("tops").hidden = !tops.length;
  $("tops").replaceChildren(...tops.map((top) => {
    const button = el("button", "", `📌 ${top.card.title}`);
    button.type = "button";
    button.title = t("top");
    button.addEventListener("click", () => {
      const found = inChat(state.chat).find((m) => m.card?.track === top.card.track);
      if (found) [...document.querySelectorAll(".msg")].find((m) => m.dataset.id === found.id)?.scrollIntoView({ block: "center" });
    });
    return button;
  }));
}
function drawDings() {
  $("dings").replaceChildren(...[...state.dings.values()].filter((ding) => !ding.read && !ding.recalled).map((ding) => {
    const line = el("p", `ding kind${ding.kind}`), button = el("button", "", t("read"));
    button.type = "button";
    button.addEventListener("click", () => act("read", { ding: ding.id }));
    line.setAttribute("role", "alert");
    line.append(el("strong", "", `${["", "🔔", "✉️", "📞"][ding.kind]} ${t("ding")[ding.kind]}`), el("span", "", ding.content), button);
    return line;
  }));
}
function drawTroubles() {
  const { kind } = state.trouble;
  $("banner").hidden = !kind;
  $("banner").firstElementChild.textContent = kind ? t("troubles")[kind].join(" — ") : "";
  $("troubles").replaceChildren(...Object.entries(t("troubles")).map(([one, [name, told]]) => {
    const button = el("button", "", name);
    button.type = "button";
    button.title = told;
    button.setAttribute("aria-pressed", String(one === kind));
    button.addEventListener("click", () => post("/page/trouble", { kind: one === kind ? "" : one, seconds: 5 }));
    return button;
  }));
}
function drawLink() {
  $("link").textContent = state.connected ? t("connected")(state.connected) : t("off");
  $("link").classList.toggle("off", !state.connected);
  $("calls").textContent = state.calls ? t("calls")(state.calls) : "";
}

// ------------------------------------------------------------ being somebody
function toEnd() { $("scroll").scrollTop = $("scroll").scrollHeight; markRead(); }
function markRead() { state.read[readKey(state.chat)] = Math.max(0, ...inChat(state.chat).map((m) => m.seq)); }
function enter(id) {
  state.chat = id;
  remember("chat", state.chats.get(id)?.title ?? BOT);
  $("side").classList.remove("open");
  drawAll(); toEnd(); drawChats();
}
function become(id) {
  state.source?.close();
  Object.assign(state, { me: id, wanted: state.chats.get(state.chat)?.title ?? (state.chats.size ? BOT : state.wanted) });
  remember("me", id);
  let first = true;
  state.source = new EventSource(`/page/events?as=${encodeURIComponent(id)}`);
  state.source.onopen = () => { first = true; };
  state.source.onmessage = (event) => { take(JSON.parse(event.data), first); first = false; };
  state.source.onerror = () => { state.connected = 0; drawLink(); };
  drawPeople();
}
function take(seen, first) {
  const stay = first || atEnd();
  if (first) {
    Object.assign(state, { chats: new Map(), messages: new Map(), acts: new Map(), dings: new Map(), bot: seen.bot, people: seen.people.filter((one) => !one.left) });
    state.drawn.clear();
  }
  for (const chat of seen.chats) state.chats.set(chat.id, chat);
  for (const id of seen.gone) { state.chats.delete(id); for (const [key, message] of state.messages) if (message.chat === id) state.messages.delete(key); }
  for (const message of seen.messages) if (message.recalled) state.messages.delete(message.id); else state.messages.set(message.id, message);
  for (const ding of seen.dings) state.dings.set(ding.id, ding);
  for (const done of seen.acts) { state.acts.set(done.n, done); over(done.n); }
  Object.assign(state, { tops: seen.tops, trouble: seen.trouble, connected: seen.connected, calls: seen.calls });
  $("outage").hidden = !seen.samples.length;
  if (first || (state.chat !== BOT && !state.chats.has(state.chat))) {
    const found = [...state.chats.values()].find((chat) => chat.title === state.wanted) ?? [...state.chats.values()].find((chat) => chat.title === "incidents");
    state.chat = state.wanted === BOT ? BOT : found?.id ?? BOT;
  }
  if (stay && document.visibilityState === "visible") markRead();
  if (first) drawPeople();
  drawAll();
  if (stay) toEnd();
}
async function act(what, more, control) {
  control?.setAttribute("aria-busy", "true");
  const answer = await post(`/page/${what}`, { as: state.me, ...more });
  if (!answer.ok) toast(answer.said.missing ? t("missing")(answer.said.missing) : answer.said.error ?? t("lost"));
  if (answer.ok && answer.said.act) { state.waiting.set(answer.said.act.n, [what, control]); over(answer.said.act.n); } else control?.removeAttribute("aria-busy");
  return answer;
}
function over(n) {
  const done = state.acts.get(n), waits = state.waiting.get(n);
  if (!waits || !done || done.state === "waiting") return;
  waits[1]?.removeAttribute("aria-busy");
  if (done.state === "failed") toast(t("failed")(done.error));
  state.waiting.delete(n);
}
function asked(question) {
  const dialog = $("dialog"), row = el("div", "row");
  return new Promise((resolve) => {
    for (const [words, answer, cls] of [[t("cancel"), false, ""], [t("yes"), true, "primary"]]) {
      const button = el("button", cls, words);
      button.type = "button";
      button.addEventListener("click", () => { resolve(answer); dialog.close(); });
      row.append(button);
    }
    dialog.replaceChildren(el("p", "", question), row);
    dialog.addEventListener("close", () => resolve(false), { once: true });
    dialog.showModal();
  });
}

// ------------------------------------------------------------ the composer
function compose(words) { $("say").value = words; grow(); $("say").focus(); $("say").setSelectionRange(words.length, words.length); offer(); }
async function say() {
  const text = $("say").value.trimEnd();
  if (!text.trim()) return;
  $("say").value = "";
  grow(); offer();
  if (!(await act("type", { chat: state.chat, text })).ok) { $("say").value = text; grow(); } else toEnd();
}
function offer() {
  const chat = state.chats.get(state.chat), text = $("say").value.slice(0, $("say").selectionStart), called = /(?:^|\s)@(\S*)$/.exec(text);
  const all = chat ? [...(chat.bot ? [state.bot.name] : []), ...chat.members.map(nameOf)] : [];
  const found = called && document.activeElement === $("say") ? all.filter((name) => name.startsWith(called[1]) && name !== called[1]) : [];
  state.offered = -1;
  $("offers").hidden = !found.length;
  $("offers").replaceChildren(...found.map((name) => {
    const item = el("li", "", `@${name}`);
    item.setAttribute("role", "option");
    item.take = () => compose(`${text.slice(0, text.length - called[1].length)}${name} ${$("say").value.slice(text.length).trimStart()}`);
    item.addEventListener("mousedown", (event) => { event.preventDefault(); item.take(); });
    return item;
  }));
}

$("form").addEventListener("submit", (event) => { event.preventDefault(); say(); });
$("say").addEventListener("input", () => { grow(); offer(); });
$("say").addEventListener("blur", () => { $("offers").hidden = true; });
$("say").addEventListener("keydown", (event) => {
  // While a Chinese word is being composed, the keys belong to the input method.
  if (event.isComposing || event.keyCode === 229 || event.altKey) return;
  const items = $("offers").hidden ? [] : [...$("offers").children];
  if (items.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    state.offered = (Math.max(state.offered, event.key === "ArrowDown" ? -1 : 0) + (event.key === "ArrowDown" ? 1 : -1) + items.length) % items.length;
    items.forEach((item, n) => item.setAttribute("aria-selected", String(n === state.offered)));
  } else if (items.length && (event.key === "Tab" || (event.key === "Enter" && state.offered >= 0))) { event.preventDefault(); items[Math.max(state.offered, 0)].take(); }
  else if (event.key === "Escape") $("offers").hidden = true;
  else if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); say(); }
});
$("scroll").addEventListener("scroll", () => { if (atEnd()) markRead(); });
$("fire").addEventListener("click", () => alerts(true, ["outage"], "sent"));
$("warn").addEventListener("click", () => alerts(true, ["warning"], "warned"));
$("resolve").addEventListener("click", () => alerts(false, ["outage", "warning"], "over"));
$("normal").addEventListener("click", () => post("/page/trouble", { kind: "" }));
$("bring").addEventListener("click", () => act("invite", { chat: state.chat, user: BOT }));
$("menu").addEventListener("click", () => $("menu").setAttribute("aria-expanded", String($("side").classList.toggle("open"))));
$("members").addEventListener("click", () => {
  const dialog = $("dialog"), close = el("button", "quiet", t("close")), list = el("ul"), chat = state.chats.get(state.chat);
  close.type = "button";
  close.addEventListener("click", () => dialog.close());
  for (const id of chat?.members ?? []) { const item = el("li"); item.append(face(id), el("span", "", nameOf(id) + (id === chat.owner ? " ★" : ""))); list.append(item); }
  if (chat?.bot) { const item = el("li"); item.append(face(""), el("span", "", state.bot.name)); list.append(item); }
  dialog.replaceChildren(el("h2", "", t("membersTitle")), list, close);
  dialog.showModal();
});
$("lang").addEventListener("click", changeLanguage);

(async function start() {
  state.people = (await (await fetch("/page/people")).json()).people;
  const kept = recall("lang"), me = recall("me");
  state.lang = WORDS[kept] ? kept : (state.people[0]?.locale ?? "zh").startsWith("en") ? "en" : "zh";
  state.wanted = recall("chat");
  become(state.people.some((one) => one.id === me) ? me : state.people[0].id);
  drawWords();
  $("say").focus();
})();
