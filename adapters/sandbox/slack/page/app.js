"use strict";
// What one person sees of the workspace, and what they do. Everything that was written by anybody is put on the page as text.

const BOT = "@bot";  // the direct messages with the bot, before there are any
const state = {
  lang: "zh", people: [], users: new Map(), me: null, bot: "", team: {}, commands: [], shortcuts: [], channel: null, thread: null, channels: new Map(),
  messages: new Map(), acts: new Map(), read: {}, drafts: {}, source: null, trouble: { kind: "", seconds: 0 }, sockets: 0, drawn: new Map(), waiting: new Map(), offered: -1,
};
const nameOf = (id) => (id === "USLACKBOT" ? "Slackbot" : state.users.get(id)?.real_name ?? "");

function here() {
  const seen = {
    me: state.me, lang: state.lang, domain: state.team.domain, tz: state.users.get(state.me)?.tz ?? "UTC", user: nameOf,
    channel: (id) => state.channels.get(id)?.name, visit: (id, ts) => { enter(id); if (ts) flash(id, ts); },
  };
  return {
    seen, t, users: () => [...state.users.values()], channels: () => [...state.channels.values()],
    fill: (view_id, block_id, action_id, value, confirmed) => act("fill", { view_id, block_id, action_id, value, confirmed }),
    submit: (view_id) => act("submit", { view_id }), leave: (view_id) => { if (modal.left !== view_id) { modal.left = view_id; act("close", { view_id }); } },
  };
}

// ------------------------------------------------------------ people and channels
function face(id) {
  const user = state.users.get(id);
  const bot = id === state.bot || id === "USLACKBOT";
  const node = el("span", bot ? "face bot" : "face", bot ? (id === state.bot ? "!" : "S") : [...(user?.real_name ?? "?")].at(/^[\x00-\x7f]/.test(user?.real_name ?? "") ? 0 : -1));
  node.setAttribute("aria-hidden", "true");
  if (!bot) node.style.setProperty("--hue", String(Math.max(0, state.people.findIndex((p) => p.id === id)) * 67 + 205));
  return node;
}
function drawWords() {
  drawLabels();
  $("thread-close").setAttribute("aria-label", t("close"));
  $("thread-say").placeholder = t("toThread");
  drawPeople(); drawTroubles(); drawAll();
}
function drawAll() { drawRooms(); drawRoom(); drawThread(); drawLink(); drawBanner(); drawModal(state.modal, here()); }
const isRoom = (channel) => /^(drill-)?f-\d{8}-/.test(channel.name);
function order() {
  const open = [...state.channels.values()].filter((c) => !c.im && (c.member || !c.archived));
  const rank = (c) => (c.archived ? 2 : isRoom(c) ? 0 : 1);
  open.sort((a, b) => rank(a) - rank(b) || (rank(a) === 0 ? b.name.localeCompare(a.name) : a.name.localeCompare(b.name)));
  return [...open.map((c) => c.id), direct()];
}
const direct = () => [...state.channels.values()].find((c) => c.im)?.id ?? BOT;
const inChannel = (id) => [...state.messages.values()].filter((m) => m.channel === id).sort((a, b) => (a.ts < b.ts ? -1 : 1));
const mainly = (m) => !m.thread_ts || m.thread_ts === m.ts || m.broadcast;
const readKey = (id) => `${state.me}/${id === BOT ? direct() : id}`;
function unread(id) {
  const seen = state.read[readKey(id)] ?? "";
  return inChannel(id).filter((m) => m.ts > seen && m.user !== state.me && !m.subtype).length;
}
function drawRooms() {
  const entry = (id) => {
    const channel = state.channels.get(id);
    const item = el("li", channel?.archived ? "archived" : channel && !channel.member ? "outside" : "");
    const button = el("button");
    button.type = "button";
    button.dataset.channel = id;
    const current = id === state.channel || (channel?.im && state.channel === BOT);
    if (current) button.setAttribute("aria-current", "true");
    const count = current ? 0 : unread(id);
    if (count) item.classList.add("new");
    const sign = channel && !channel.im ? (channel.private ? "🔒" : "#") : "●";
    const mark = el("span", "sign", sign);
    mark.setAttribute("aria-hidden", "true");
    const label = el("span", "label", channel && !channel.im ? channel.name : nameOf(state.bot));
    label.title = channel ? `${channel.name || nameOf(state.bot)}${channel.private ? ` (${t("privateChannel")})` : ""}` : "";
    button.append(mark, label);
    if (!channel || channel.im) button.append(el("span", "tag", t("app")));
    if (channel?.archived) button.append(el("span", "tag", t("archived")));
    if (count) button.append(el("span", "badge", String(count)));
    button.addEventListener("click", () => enter(id));
    item.append(button);
    return item;
  };
  const ids = order();
  $("channels").replaceChildren(...ids.slice(0, -1).map(entry));
  $("directs").replaceChildren(entry(ids.at(-1)));
}

// ------------------------------------------------------------ one channel
function headline(message) {
  const blocks = [...message.blocks, ...message.attachments.flatMap((a) => a.blocks ?? [])];
  const header = blocks.find((b) => b.type === "header" || (b.type === "section" && b.text));
  const out = el("span");
  out.append(header ? worded(header.text, here()) : marked(message.text, here().seen));
  return out.textContent;
}
function drawRoom() {
  const channel = state.channels.get(state.channel);
  const bot = !channel || channel.im;
  const name = bot ? nameOf(state.bot) : channel.name;
  $("title").textContent = bot ? name : `${channel.private ? "🔒" : "#"} ${name}`;
  $("topic").replaceChildren(channel ? marked(channel.topic, here().seen) : "");
  const members = bot ? [] : channel.members;
  $("members").hidden = bot;
  $("members").textContent = `👥 ${members.length} ${t("members")}`;
  const shut = Boolean(channel && (channel.archived || (!channel.member && !channel.im)));
  $("say").disabled = $("send").disabled = shut;
  $("say").placeholder = shut ? (channel.archived ? t("archivedHint") : t("join")) : bot ? t("toBot") : t("toChannel")(name);
  const chips = shut ? [] : bot ? t("chipsBot") : isRoom(channel) ? t("chipsRoom") : t("chipsHall");
  $("chips").setAttribute("aria-label", t("message"));
  $("chips").replaceChildren(...chips.map((line) => {
    const button = el("button", "", line.trim());
    button.type = "button";
    button.addEventListener("click", () => compose(line));
    return button;
  }));
  const pins = channel ? channel.pins.map((ts) => state.messages.get(`${channel.id}/${ts}`)).filter(Boolean) : [];
  $("pins").hidden = !pins.length && !channel?.bookmarks?.length;
  $("pins").replaceChildren(...pins.map((message) => {
    const button = el("button", "", `📌 ${headline(message)}`);
    button.type = "button";
    button.title = t("pinned");
    button.addEventListener("click", () => flash(message.channel, message.ts));
    return button;
  }), ...(channel?.bookmarks ?? []).map((one) => { const link = el("span", "bookmark"); link.append("🔖 ", tokened(`${one.link}|${one.title}`, here().seen)); return link; }));
  const list = $("messages");
  if (channel && !channel.member && !channel.im) {
    const box = el("div", "empty");
    box.append(el("p", "", channel.archived ? t("archivedHint") : t("notInside")));
    if (!channel.archived) { const join = el("button", "primary", t("join")); join.type = "button"; join.addEventListener("click", () => act("join", { channel: channel.id })); box.append(join); }
    list.replaceChildren(box);
  } else {
    const shown = inChannel(state.channel === BOT ? direct() : state.channel).filter(mainly);
    const nodes = grouped(shown).map(([message, joined, close]) => (joined ? drawJoined(joined) : keyed(message, "main", close)));
    settle(list, nodes.length ? nodes : [el("p", "empty", t(bot ? "emptyBot" : "emptyRoom"))]);
  }
  document.title = `${bot ? name : "#" + name} · warroom`;
}
// Neighbouring arrivals are one line, and a speaker's neighbouring messages have one head.
function grouped(messages) {
  const made = [];
  for (const message of messages) {
    const last = made.at(-1);
    if (message.subtype === "channel_join") {
      if (last && last[1]) last[1].push(message.user); else made.push([message, [message.user], false]);
      continue;
    }
    const before = last && !last[1] ? last[0] : null;
    const close = Boolean(before && before.user === message.user && !before.subtype && before.private === message.private && !message.private && message.ts - before.ts < 300);
    made.push([message, null, close]);
  }
  return made;
}
function drawJoined(users) { return el("p", "system", `${[...new Set(users)].map((id) => nameOf(id) || id).join(t("and"))} ${t("joined")}`); }

function repliesOf(message) { return inChannel(message.channel).filter((m) => m.thread_ts === message.ts && m.ts !== message.ts); }
function keyed(message, pane, close) {
  const key = `${pane}/${message.channel}/${message.ts}`;
  const replies = pane === "main" ? repliesOf(message) : [];
  const sign = JSON.stringify([message, state.lang, close, replies.length, replies.at(-1)?.ts, state.me, state.users.get(message.user)?.real_name]);
  const kept = state.drawn.get(key);
  if (kept && kept.sign === sign) return kept.node;
  const node = drawMessage(message, pane, close, replies);
  state.drawn.set(key, { sign, node });
  return node;
}

function drawMessage(message, pane, close, replies) {
  const around = here();
  if (message.subtype && !/^(bot_message|thread_broadcast|me_message)$/.test(message.subtype)) {
    const line = el("p", "system");
    const words = t("lines")[message.subtype];
    const said = message.text.replace(/^<@\w+> has \w+ the channel\.?$/, "").replace(/^set the channel (topic|purpose|description): ?/, "");
    line.append(`${nameOf(message.user) || message.user} `, words ?? "");
    if (!words || /[:：]\s?$/.test(words)) line.append(marked(said, around.seen));
    return line;
  }
  const node = el("article", `msg${message.private ? " private" : ""}${close ? " close" : ""}${message.bot ? " from-bot" : ""}`);
  node.dataset.ts = message.ts;
  const gutter = el("div", "gutter");
  gutter.append(close ? timeOf(message.ts, around.seen.tz) : face(message.user));
  const body = el("div", "content");
  if (message.private) { const eye = el("p", "eyes", "👁 "); eye.append(t("only")); body.append(eye); }
  if (!close) {
    const head = el("div", "head");
    head.append(el("span", "author", nameOf(message.user) || message.user));
    if (message.user === state.bot || message.user === "USLACKBOT") head.append(el("span", "tag", t("app")));
    head.append(timeOf(message.ts, around.seen.tz));
    if (message.pinned) { const pin = el("span", "pin", "📌"); pin.title = t("pinned"); head.append(pin); }
    body.append(head);
  }
  const press = (block, element, value, control) => pressed(message, block, element, value, control);
  const inside = { ...around, press, held: (block, element) => message.state[block.block_id]?.[element.action_id] ?? started(element) };
  if (message.blocks.length) { const blocks = el("div", "blocks"); blocks.append(...drawBlocks(message.blocks, inside)); body.append(blocks); }
  else if (message.text) { const text = el("div", "text"); text.append(...sayings(message, around)); body.append(text); }
  for (const file of message.files) body.append(el("div", "text", `📎 ${file.name}`));
  for (const attachment of message.attachments) {
    const card = el("div", "attachment");
    const colours = { good: "#2eb67d", warning: "#ecb22e", danger: "#e01e5a" };
    const colour = colours[attachment.color] ?? (/^#?[0-9a-f]{6}$/i.test(attachment.color ?? "") ? `#${attachment.color.replace("#", "")}` : "#ddd");
    card.style.setProperty("--bar", colour);
    if (attachment.blocks) card.append(...drawBlocks(attachment.blocks, inside));
    else card.append(marked(attachment.text || attachment.fallback || "", around.seen));
    body.append(card);
  }
  if (message.edited && !message.bot) body.append(el("span", "edited", t("edited")));
  const chips = reactions(message);
  if (chips) body.append(chips);
  if (replies.length) {
    const open = el("button", "replies", `💬 ${t("replies")(replies.length)}`);
    open.type = "button";
    open.addEventListener("click", () => openThread(message));
    body.append(open);
  }
  node.append(gutter, body);
  if (!message.private) node.append(tools(message, pane));
  return node;
}
function started(element) {
  const initial = Object.entries(element).find(([key]) => key.startsWith("initial_"));
  return initial ? { selected: initial[1] } : null;
}
function sayings(message, around) {
  const failed = message.user === "USLACKBOT" && /^(\S+) failed with the error “(\w+)”$/.exec(message.text);
  return failed ? [t("commandFailed")(failed[1], failed[2])] : [marked(message.text, around.seen)];
}
function reactions(message) {
  const names = Object.entries(message.reactions).filter(([, who]) => who.length);
  if (!names.length) return null;
  const row = el("div", "reactions");
  for (const [name, who] of names) {
    const chip = el("button", who.includes(state.me) ? "mine" : "", `${EMOJI[name] ?? `:${name}:`} ${who.length}`);
    chip.type = "button";
    chip.title = who.map((id) => nameOf(id) || id).join(t("and"));
    chip.addEventListener("click", () => act("react", { channel: message.channel, ts: message.ts, name, now: !who.includes(state.me) }));
    row.append(chip);
  }
  return row;
}
function tools(message, pane) {
  const box = el("details", "tools");
  const open = el("summary", "", "⋯");
  open.setAttribute("aria-label", t("more"));
  const menu = el("div", "menu");
  const item = (words, does) => {
    const button = el("button", "", words);
    button.type = "button";
    button.addEventListener("click", () => { box.open = false; does(); });
    menu.append(button);
  };
  const place = { channel: message.channel, ts: message.ts };
  const quick = el("div", "quick");
  for (const name of ["white_check_mark", "eyes", "pushpin", "mega"]) {
    const button = el("button", "", EMOJI[name]);
    button.type = "button";
    button.setAttribute("aria-label", `${t("react")} ${name}`);
    button.addEventListener("click", () => { box.open = false; act("react", { ...place, name, now: !(message.reactions[name] ?? []).includes(state.me) }); });
    quick.append(button);
  }
  menu.append(quick);
  for (const shortcut of state.shortcuts) if (shortcut.kind === "message") item(shortcut.name, () => act("shortcut", { callback_id: shortcut.callback_id, ...place }));
  if (pane === "main") item(t("reply"), () => openThread(message));
  if (message.user === state.me) item(t("edit"), () => { state.editing = place; $("say").value = wordsOf(message); $("say").focus(); growAll(); });
  box.append(open, menu);
  return box;
}
function wordsOf(message) { const out = el("span"); out.append(marked(message.text, here().seen)); return out.textContent; }

async function pressed(message, block, element, value, control) {
  let confirmed = false;
  if (element.confirm) {
    if (!(await asked(element.confirm, t("cancel")))) { if (control.put) control.put(contentOf(message.state[block.block_id]?.[element.action_id])); return; }
    confirmed = true;
  }
  control.setAttribute("aria-busy", "true");
  const { ok, said } = await act("press", { channel: message.channel, ts: message.ts, block_id: block.block_id, action_id: element.action_id, value, confirmed });
  if (ok && said.act) watch(said.act.n, control); else control.removeAttribute("aria-busy");
}
function watch(n, control) { state.waiting.set(n, control); over(n); }
function over(n) {
  const act = state.acts.get(n);
  if (!act || act.state === "waiting") return;
  const control = state.waiting.get(n);
  if (control) control.removeAttribute("aria-busy");
  if (control && act.state === "failed") toast(t("actFailed")(act.error));
  state.waiting.delete(n);
}

// ------------------------------------------------------------ thread
function openThread(message) {
  state.thread = `${message.channel}/${message.thread_ts && message.thread_ts !== message.ts ? message.thread_ts : message.ts}`;
  drawThread();
  $("thread-say").focus();
}
function drawThread() {
  const root = state.thread ? state.messages.get(state.thread) : null;
  $("thread").hidden = !root;
  document.body.classList.toggle("threaded", Boolean(root));
  if (!root) return;
  const list = $("replies");
  const before = list.children.length;
  settle(list, [keyed(root, "thread", false), ...repliesOf(root).map((m) => keyed(m, "thread", false))]);
  if (list.children.length !== before) list.scrollTop = list.scrollHeight;
}

// ------------------------------------------------------------ trouble
function drawTroubles() {
  $("troubles").replaceChildren(...Object.keys(t("troubles")).map((kind) => {
    const [name, told] = t("troubles")[kind];
    const row = el("div", "trouble");
    const timed = kind === "slow" || kind === "ratelimited";
    const seconds = el("input");
    seconds.type = "number"; seconds.min = "1"; seconds.max = "60";
    seconds.value = kind === "slow" ? "5" : "10";
    seconds.setAttribute("aria-label", `${name} (${t("seconds")})`);
    const button = el("button", "", name);
    button.type = "button";
    button.dataset.kind = kind;
    const tell = () => { row.title = told(timed ? seconds.value : 0); };
    seconds.addEventListener("input", tell);
    tell();
    button.addEventListener("click", () => post("/page/trouble", { kind, seconds: timed ? Number(seconds.value) : 0 }));
    row.append(button);
    if (timed) row.append(seconds, el("span", "unit", t("seconds")));
    return row;
  }));
}
function drawBanner() {
  const { kind, seconds } = state.trouble;
  $("banner").hidden = !kind;
  if (kind) $("banner").firstElementChild.textContent = `⚠️ ${t("now")}${t("troubles")[kind][0]} — ${t("troubles")[kind][1](seconds)}`;
  for (const button of document.querySelectorAll("#troubles button")) button.setAttribute("aria-pressed", String(button.dataset.kind === kind));
}
function drawLink() {
  const open = state.source && state.source.readyState === EventSource.OPEN;
  $("link").textContent = !open ? t("gone") : state.sockets ? t("on") : t("off");
  $("link").classList.toggle("off", !open || !state.sockets);
}

// ------------------------------------------------------------ what happens
function toEnd() { const box = $("scroll"); box.scrollTop = box.scrollHeight; $("newest").hidden = true; }
function markRead() { const last = inChannel(state.channel === BOT ? direct() : state.channel).at(-1); if (last) state.read[readKey(state.channel)] = last.ts; }
function flash(channel, ts) {
  if (state.channel !== channel) enter(channel);
  const node = $("messages").querySelector(`[data-ts="${ts}"]`);
  if (!node) return;
  node.scrollIntoView({ block: "center" });
  node.classList.remove("flash");
  void node.offsetWidth;
  node.classList.add("flash");
}
function enter(id) {
  if (!state.channels.has(id) && id !== BOT) return;
  state.drafts[readKey(state.channel)] = $("say").value;
  state.channel = id;
  state.editing = null;
  if (state.thread && !state.thread.startsWith(id + "/")) state.thread = null;
  remember("channel", state.channels.get(id)?.name || BOT);
  $("say").value = state.drafts[readKey(id)] ?? "";
  markRead(); drawRooms(); drawRoom(); drawThread(); growAll(); offer(); toEnd();
  $("side").classList.remove("open");
  $("menu").setAttribute("aria-expanded", "false");
  if (!$("say").disabled && !document.querySelector("dialog[open]")) $("say").focus();
}
async function become(id) {
  if (state.me !== null) { state.drafts[readKey(state.channel)] = $("say").value; await flush(here()); }
  const kept = state.channels.get(state.channel)?.name;
  Object.assign(state, { me: id, thread: null, editing: null, modal: null, messages: new Map(), channels: new Map(), acts: new Map(), drawn: new Map(), wanted: kept ?? state.wanted });
  remember("me", id);
  drawModal(null, here());
  if (state.source) state.source.close();
  const source = state.source = new EventSource(`/page/events?as=${encodeURIComponent(id)}`);
  let first = true;
  source.onopen = () => { first = true; drawLink(); };
  source.onerror = drawLink;
  source.onmessage = (event) => { if (source === state.source) { take(JSON.parse(event.data), first); first = false; } };
  drawPeople(); drawLink();
  const chosen = $("who").querySelector('[aria-checked="true"]');
  if (document.activeElement && document.activeElement.closest && document.activeElement.closest("#who") && chosen) chosen.focus();
}
function take(seen, first) {
  if (first) {
    Object.assign(state, { messages: new Map(), channels: new Map(), acts: new Map(), bot: seen.bot, team: seen.team, commands: seen.commands, shortcuts: seen.shortcuts });
    state.users = new Map(seen.users.map((user) => [user.id, user]));
    $("team").textContent = seen.team.name;
    
  }
  const stay = atEnd();
  for (const channel of seen.channels) {
    state.channels.set(channel.id, channel);
    if (!channel.member) for (const [key, message] of state.messages) if (message.channel === channel.id) state.messages.delete(key);
  }
  let news = false;
  for (const message of seen.messages) {
    const key = `${message.channel}/${message.ts}`;
    if (message.deleted) { state.messages.delete(key); continue; }
    if (!state.messages.has(key) && message.channel === state.channel && mainly(message)) news = true;
    state.messages.set(key, message);
  }
  $("outage").hidden = !seen.samples.length;
  for (const done of seen.acts) { state.acts.set(done.n, done); over(done.n); }
  Object.assign(state, { modal: seen.modal, trouble: seen.trouble, sockets: seen.connected });
  const change = first && !state.channels.has(state.channel);
  if (change || (state.channel === BOT && direct() !== BOT)) {
    const found = [...state.channels.values()].find((c) => c.name && c.name === state.wanted && c.member) ?? [...state.channels.values()].find((c) => c.name === "incidents" && c.member);
    state.channel = state.channel === BOT || state.wanted === BOT ? direct() : found?.id ?? direct();
    $("say").value = state.drafts[readKey(state.channel)] ?? (change ? "" : $("say").value);
  }
  if (first) drawPeople();
  if (first || (stay && document.visibilityState === "visible")) markRead();
  drawAll();
  if (first || stay) toEnd(); else if (news) $("newest").hidden = false;
}
async function act(what, more) {
  const answer = await post(`/page/${what}`, { as: state.me, ...more });
  if (!answer.ok && what !== "fill") toast(answer.said.error ?? t("lost"));
  return answer;
}
async function say(box, thread) {
  const text = box.value.trim();
  if (!text) return;
  const channel = state.channel === BOT ? state.bot : state.channel;
  const editing = box === $("say") ? state.editing : null;
  box.value = "";
  const slash = text.startsWith("/");
  const { ok } = editing ? await act("edit", { ...editing, text }) : await act(slash ? "slash" : "type", { channel, text, ...(thread ? { thread_ts: thread } : {}) });
  if (!ok) { box.value = text; box.focus(); } else if (box === $("say")) { state.editing = null; toEnd(); }
  growAll(); offer();
}

// ------------------------------------------------------------ the composer
function growAll() { grow(); grow($("thread-say")); }
function compose(line) {
  const box = $("say");
  box.value = line;
  growAll(); box.focus();
  const at = line.endsWith('""') ? line.length - 1 : line.length;
  box.setSelectionRange(at, at);
  offer();
}
function offers() {
  const box = $("say");
  const text = box.value.slice(0, box.selectionStart);
  if (/^\/\S*$/.test(text)) {
    return state.commands.filter((c) => c.command.startsWith(text)).map((c) => ({ words: c.command, more: `${c.hint}　${c.description}`, take: () => compose(c.command + " ") }));
  }
  const called = /(?:^|[\s，,：:])@(\S*)$/.exec(text);
  if (called) {
    const part = called[1].toLowerCase();
    const known = [...state.users.values()].filter((u) => !u.deleted && (u.real_name.toLowerCase().startsWith(part) || u.name.toLowerCase().startsWith(part)));
    const exact = known.some((u) => u.real_name === called[1]);
    return exact ? [] : known.map((u) => ({ words: "@" + u.real_name, more: u.duty || (u.is_bot ? t("app") : ""), take: () => compose(`${text.slice(0, text.length - part.length)}${u.is_bot ? u.name : u.real_name} ${box.value.slice(text.length)}`) }));
  }
  const command = state.commands.find((c) => text.startsWith(c.command + " "));
  if (command) {
    const typed = text.slice(command.command.length + 1);
    return t("usage").filter(([line]) => line.startsWith(typed) && line !== typed).map(([line, more]) => ({ words: `${command.command} ${line}`, more, take: () => compose(`${command.command} ${line}`) }));
  }
  return [];
}
function offer() {
  const list = $("offers");
  const found = $("say").disabled || document.activeElement !== $("say") ? [] : offers();
  state.offered = -1;
  list.hidden = !found.length;
  list.replaceChildren(...found.map((one) => {
    const item = el("li");
    item.setAttribute("role", "option");
    item.append(el("strong", "", one.words), el("span", "", one.more));
    item.addEventListener("mousedown", (event) => { event.preventDefault(); one.take(); });
    item.take = one.take;
    return item;
  }));
}
function chosen(by) {
  const items = [...$("offers").children];
  state.offered = (state.offered + by + items.length + (state.offered < 0 && by < 0 ? 1 : 0)) % items.length;
  items.forEach((item, n) => item.setAttribute("aria-selected", String(n === state.offered)));
  items[state.offered].scrollIntoView({ block: "nearest" });
}

$("form").addEventListener("submit", (event) => { event.preventDefault(); say($("say")); });
$("say").addEventListener("input", () => { growAll(); offer(); });
$("say").addEventListener("blur", () => { $("offers").hidden = true; });
$("say").addEventListener("focus", offer);
$("say").addEventListener("keydown", (event) => {
  // While a Chinese word is being composed, the keys belong to the input method.
  if (event.isComposing || event.keyCode === 229 || event.altKey) return;
  const open = !$("offers").hidden;
  if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) { event.preventDefault(); chosen(event.key === "ArrowDown" ? 1 : -1); }
  else if (open && (event.key === "Tab" || (event.key === "Enter" && state.offered >= 0))) { event.preventDefault(); $("offers").children[Math.max(state.offered, 0)].take(); }
  else if (event.key === "Escape") { $("offers").hidden = true; if (state.editing) { state.editing = null; $("say").value = ""; } }
  else if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); say($("say")); }
});
$("thread-form").addEventListener("submit", (event) => { event.preventDefault(); say($("thread-say"), state.thread.split("/")[1]); });
$("thread-say").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) { event.preventDefault(); say($("thread-say"), state.thread.split("/")[1]); }
});
$("thread-close").addEventListener("click", () => { state.thread = null; drawThread(); });
document.addEventListener("keydown", (event) => {
  if (!event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
  const digit = /^Digit([1-9])$/.exec(event.code);
  if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); enter(step(order(), state.channel, event.key === "ArrowDown" ? 1 : -1)); }
  else if (digit && state.people[digit[1] - 1]) { event.preventDefault(); become(state.people[digit[1] - 1].id); }
});
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.tools[open], details.overflow[open]")) if (!open.contains(event.target)) open.open = false;
});
$("scroll").addEventListener("scroll", () => { if (atEnd()) { $("newest").hidden = true; markRead(); } });
$("newest").addEventListener("click", toEnd);
$("fire").addEventListener("click", () => alerts(true, ["outage"], "sent"));
$("warn").addEventListener("click", () => alerts(true, ["warning"], "warned"));
$("resolve").addEventListener("click", () => alerts(false, ["outage", "warning"], "over"));
$("trouble").addEventListener("toggle", () => { if ($("trouble").open) $("trouble").scrollIntoView({ block: "end" }); });
$("normal").addEventListener("click", () => post("/page/trouble", { kind: "" }));
$("members").addEventListener("click", () => {
  const dialog = $("people");
  const close = el("button", "quiet", "✕");
  close.type = "button";
  close.setAttribute("aria-label", t("close"));
  close.addEventListener("click", () => dialog.close());
  const list = el("ul");
  for (const id of state.channels.get(state.channel)?.members ?? []) { const item = el("li"); item.append(face(id), el("span", "", nameOf(id) || id)); list.append(item); }
  const head = el("header");
  head.append(el("h2", "", t("membersTitle")), close);
  dialog.replaceChildren(head, list);
  dialog.showModal();
});
$("lang").addEventListener("click", async () => { await flush(here()); changeLanguage(); });
$("menu").addEventListener("click", () => $("menu").setAttribute("aria-expanded", String($("side").classList.toggle("open"))));

(async function start() {
  state.people = (await (await fetch("/page/people")).json()).people;
  for (const person of state.people) state.users.set(person.id, person);
  const kept = recall("lang");
  state.lang = WORDS[kept] ? kept : (state.people[0]?.locale ?? "zh").startsWith("en") ? "en" : "zh";
  state.wanted = recall("channel");
  const me = recall("me");
  become(state.people.some((p) => p.id === me) ? me : state.people[0].id);
  drawWords();
  $("say").focus();
})();
