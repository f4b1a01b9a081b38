"use strict";
// What one person sees of the tenant, and what they do. Everything that was written by anybody is put on the page as text.

const state = {
  lang: "zh", people: [], users: new Map(), me: null, bot: "", botName: "", commands: [], menu: [], chat: null, parent: null, chats: new Map(), messages: new Map(), acts: new Map(),
  read: {}, source: null, connected: 0, toasted: 0, trouble: { kind: "", seconds: 0, kinds: [] },
};
const nameOf = (id) => (id === "all" ? t("all") : id === state.bot || String(id).startsWith("cli_") ? state.botName : state.users.get(id)?.name ?? id);
const direct = () => [...state.chats.values()].find((c) => c.p2p)?.id ?? state.bot;
const titled = (chat) => (!chat || chat.p2p ? state.botName : chat.name);
const said = (id) => [...state.messages.values()].filter((m) => m.chat === id).sort((a, b) => (a.id < b.id ? -1 : 1));

async function act(name, body) {
  const { ok, said: answer } = await post(`/page/${name}`, { as: state.me, ...body });
  if (ok) return answer;
  if (answer.confirm) ask(answer.confirm, () => act(name, { ...body, confirmed: true }));
  else toast(answer.changed ? t("changed") : answer.missing ? `${answer.error}：${answer.missing.join("、")}` : answer.error ?? t("gone"), "error");
  return null;
}
function ask(question, then) {
  const box = $("question");
  const yes = el("button", "primary", t("confirm"));
  const no = el("button", "", t("cancel"));
  for (const button of [yes, no]) { button.type = "button"; button.addEventListener("click", () => box.close()); }
  yes.addEventListener("click", then);
  const row = el("div", "row");
  row.append(no, yes);
  box.replaceChildren(el("h2", "", plainly(question.title.content)), el("p", "", plainly(question.text.content)), row);
  box.showModal();
}

// ------------------------------------------------------------ drawing
function drawWords() {
  drawLabels();
  drawTroubles();
  draw();
}
function face(id) {
  const bot = id === state.bot || String(id).startsWith("cli_");
  const node = el("span", bot ? "face bot" : "face", bot ? "W" : [...nameOf(id)].at(-1));
  node.setAttribute("aria-hidden", "true");
  if (!bot) node.style.setProperty("--hue", String(Math.max(0, state.people.findIndex((p) => p.id === id)) * 67 + 205));
  return node;
}
function draw() { drawPeople(); drawBanner(); drawChats(); drawChat(); $("link").textContent = t(state.connected ? "on" : "off"); }
function drawChats() {
  const ids = [...state.chats.values()].filter((c) => !c.p2p && !c.disbanded).sort((a, b) => (a.name < b.name ? 1 : -1)).map((c) => c.id);
  $("chats").replaceChildren(...[direct(), ...ids].map((id) => {
    const item = el("li");
    const button = el("button");
    button.type = "button";
    button.dataset.chat = id;
    if (id === state.chat) button.setAttribute("aria-current", "true");
    const fresh = id === state.chat ? 0 : said(id).filter((m) => m.id > (state.read[`${state.me}/${id}`] ?? "") && m.sender !== state.me).length;
    button.append(el("span", "name", titled(state.chats.get(id))), ...(fresh ? [el("span", "badge", String(fresh))] : []));
    button.addEventListener("click", () => enter(id));
    item.append(button);
    return item;
  }));
}
const SECONDS = 5;
const lasting = (kind) => kind === "slow" || kind === "ratelimited";
function drawTroubles() {
  const typed = new Map([...document.querySelectorAll("#troubles input")].map((input) => [input.name, input.value]));
  $("troubles").replaceChildren(...Object.entries(t("troubles")).map(([kind, [name, what]]) => {
    const row = el("div", "trouble");
    const button = el("button");
    const seconds = el("input");
    Object.assign(seconds, { type: "number", name: kind, min: "1", max: "60", value: typed.get(kind) ?? String(SECONDS), hidden: !lasting(kind) });
    seconds.setAttribute("aria-label", `${name} (${t("seconds")})`);
    const chosen = () => Math.min(60, Math.max(1, Math.round(Number(seconds.value)) || SECONDS));
    const told = el("span", "small", what(chosen()));
    seconds.addEventListener("input", () => { told.textContent = what(chosen()); });
    button.type = "button";
    button.dataset.kind = kind;
    button.append(el("span", "label", name), told);
    button.addEventListener("click", () => act("trouble", { kind: state.trouble.kind === kind ? "" : kind, seconds: lasting(kind) ? chosen() : 0 }));
    row.append(button, seconds);
    return row;
  }));
}
function drawBanner() {
  const { kind, seconds, kinds } = state.trouble;
  $("banner").hidden = !kind;
  const words = kind ? t("now")(t("troubles")[kind][0], t("troubles")[kind][1](seconds)) : "";
  if ($("banner").firstElementChild.textContent !== words) $("banner").firstElementChild.textContent = words;  // an alert is read out once
  for (const button of document.querySelectorAll("#troubles button")) {
    button.parentElement.hidden = !kinds.includes(button.dataset.kind);
    button.setAttribute("aria-pressed", String(button.dataset.kind === kind));
  }
}
function drawChat() {
  const chat = state.chats.get(state.chat);
  $("title").textContent = titled(chat);
  $("about").textContent = chat?.description ?? "";
  $("members").textContent = chat && !chat.p2p ? `👥 ${t("members")(chat.members.length)}` : "";
  $("say").placeholder = t("say")(titled(chat));
  const pins = said(state.chat).filter((m) => m.pinned);
  $("pins").hidden = !pins.length;
  $("pins").replaceChildren(...pins.map((m) => el("span", "", `📌 ${m.card?.header?.title?.content ?? m.text}`)));
  const inside = !chat || chat.p2p ? state.menu : [];
  $("menu").replaceChildren(...inside.map((one) => {
    const button = el("button", "", one.name);
    button.type = "button";
    button.addEventListener("click", () => act("menu", { key: one.key }));
    return button;
  }));
  $("answers").hidden = !state.parent;
  $("answers").textContent = state.parent ? t("answering") + headline(state.messages.get(state.parent)) : "";
  const messages = said(state.chat);
  const focused = document.activeElement?.closest?.("[data-id]");
  const low = $("scroll").scrollTop + $("scroll").clientHeight > $("scroll").scrollHeight - 80;
  // Only what changed is drawn anew: an open menu, a focus and what is being typed stay.
  const nodes = messages.map((m) => (focused && focused.dataset.id === m.id && focused.dataset.drawn === String(m.drawn) ? focused : drawn(m)));
  const list = $("messages");
  settle(list, nodes);
  if (!nodes.length) list.append(el("p", "empty", t("empty")));
  if (low) $("scroll").scrollTop = $("scroll").scrollHeight;
  state.read[`${state.me}/${state.chat}`] = messages.at(-1)?.id ?? "";
}
const headline = (message) => message?.card?.header?.title?.content ?? message?.text ?? "";
const made = new Map();
function drawn(message) {
  const busy = [...state.acts.values()].some((a) => a.message === message.id && a.state === "waiting");
  const key = JSON.stringify([message, state.lang, state.me, busy, state.chats.get(message.chat)?.members]);
  const before = made.get(message.id);
  if (before && before.key === key) return before.node;
  const node = el("article", `msg${message.private ? " private" : ""}${message.sender === state.me ? " mine" : ""}`);
  node.dataset.id = message.id;
  node.dataset.drawn = String(message.drawn);
  const head = el("div", "head");
  head.append(el("strong", "", nameOf(message.sender)), ...(message.bot ? [el("span", "tag", t("bot"))] : []), timeOf(message.created));
  for (const [on, word] of [[message.private, "only"], [message.pinned, "pinned"], [message.urgent.length, "urgent"], [message.edited && !message.card, "edited"]]) if (on) head.append(el("span", "tag", t(word)));
  const content = el("div", "content");
  content.append(head);
  if (message.parent) content.append(el("p", "quote", headline(state.messages.get(message.parent))));
  if (message.card) {
    content.append(drawCard(message, {
      t, nameOf, busy, members: state.chats.get(message.chat)?.members ?? [],
      press: (n, value, element) => press(message, n, value, element),
      fill: (n, value) => act("fill", { message: message.id, n, value, drawn: message.drawn }),
    }));
  } else { const bubble = el("p", "bubble"); marked(message.text, nameOf, bubble); content.append(bubble); }
  const foot = el("div", "foot");
  const counts = new Map();
  for (const one of message.reactions) counts.set(one.emoji, [...(counts.get(one.emoji) ?? []), one.who]);
  for (const [emoji, who] of counts) foot.append(el("span", "reaction", `${emoji} ${who.map(nameOf).join("、")}`));
  const tools = el("span", "tools");
  const tool = (words, then) => { const button = el("button", "quiet", words); button.type = "button"; button.addEventListener("click", then); tools.append(button); };
  if (!message.private) {
    tool("👍", () => act("react", { message: message.id, emoji: "THUMBSUP", now: !(counts.get("THUMBSUP") ?? []).includes(state.me) }));
    tool(t("reply"), () => { state.parent = message.id; drawChat(); $("say").focus(); });
  }
  if (message.sender === state.me) tool(t("recall"), () => act("recall", { message: message.id }));
  foot.append(tools);
  content.append(foot);
  node.append(face(message.sender), content);
  made.set(message.id, { key, node });
  return node;
}

// ------------------------------------------------------------ doing
function press(message, n, value, element) {
  const go = async (confirmed) => {
    const done = await act("press", { message: message.id, n, value, confirmed, drawn: message.drawn });
    if (done?.url) window.open(done.url, "_blank", "noreferrer");
  };
  if (element.confirm) ask(element.confirm, () => go(true)); else go(false);
}
function enter(id) {
  state.chat = id;
  state.parent = null;
  draw();
  $("scroll").scrollTop = $("scroll").scrollHeight;
}
async function say() {
  const text = $("say").value.trim();
  if (!text) return;
  const native = /^\/([\w-]+)/.exec(text);
  const known = native && state.commands.includes(native[1]);
  const done = known ? await act("slash", { chat: state.chat, text }) : await act("type", { chat: state.chat, text, parent: state.parent });
  if (!done) return;
  $("say").value = "";
  state.parent = null;
  offer();
}
function offer() {
  const text = $("say").value;
  const at = /(^|\s)@([^\s@]*)$/.exec(text);
  const chat = state.chats.get(state.chat);
  let words = [];
  if (at) words = [state.botName, ...(chat?.members ?? []).map(nameOf)].filter((n) => n.startsWith(at[2])).map((n) => text.slice(0, at.index + at[1].length) + `@${n} `);
  else if (/^\/[\w-]*$/.test(text)) words = state.commands.filter((c) => c.startsWith(text.slice(1))).map((c) => `/${c} `);
  $("offers").hidden = !words.length;
  $("offers").replaceChildren(...words.slice(0, 8).map((line) => {
    const item = el("li");
    const button = el("button", "", line.trim());
    button.type = "button";
    button.addEventListener("click", () => { $("say").value = line; $("say").focus(); offer(); });
    item.append(button);
    return item;
  }));
}
function take(seen) {
  if (seen.me) { state.bot = seen.bot; state.botName = seen.bot_name; state.menu = seen.menu; }
  for (const user of seen.users) state.users.set(user.id, user);
  for (const chat of seen.chats) state.chats.set(chat.id, chat);
  for (const id of [...state.chats.keys()]) if (!seen.there.includes(id) || state.chats.get(id).disbanded) state.chats.delete(id);
  for (const message of seen.messages) if (message.deleted) state.messages.delete(message.id); else state.messages.set(message.id, message);
  for (const [id, message] of state.messages) if (!state.chats.has(message.chat)) state.messages.delete(id);
  for (const one of seen.acts) {
    state.acts.set(one.n, one);
    if (one.state === "waiting" || one.n <= state.toasted) continue;
    state.toasted = one.n;
    if (one.error) toast(t("failed")(one.error), "error"); else if (one.toast.content) toast(one.toast.content, one.toast.type);
  }
  state.commands = seen.commands;
  state.connected = seen.connected;
  state.trouble = seen.trouble;
  $("outage").hidden = !seen.samples.length;
  if (!state.chat || !(state.chats.has(state.chat) || state.chat === state.bot)) state.chat = direct();
  if (state.chat === state.bot) state.chat = direct();
  draw();
}
function become(id) {
  state.source?.close();
  Object.assign(state, { me: id, chats: new Map(), messages: new Map(), acts: new Map(), chat: null, parent: null, toasted: Infinity });
  made.clear();
  const source = new EventSource(`/page/events?as=${encodeURIComponent(id)}`);
  state.source = source;
  source.onmessage = (event) => {
    const first = state.toasted === Infinity;
    const seen = JSON.parse(event.data);
    take(seen);
    if (first) state.toasted = Math.max(0, ...seen.acts.map((a) => a.n));  // what happened before is not said again
  };
  source.onerror = () => { $("link").textContent = t("gone"); };
}
async function start() {
  $("lang").addEventListener("click", async () => { state.lang = state.lang === "zh" ? "en" : "zh"; remember("lang", state.lang); await post("/page/lang", { lang: state.lang }); drawWords(); });
  $("form").addEventListener("submit", (event) => { event.preventDefault(); say(); });
  $("normal").addEventListener("click", () => act("trouble", { kind: "" }));
  $("trouble").addEventListener("toggle", () => { if ($("trouble").open) $("trouble").scrollIntoView({ block: "nearest" }); });
  $("say").addEventListener("input", offer);
  $("say").addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); say(); } });
  for (const [id, firing, sample] of [["fire", true, "outage"], ["warn", true, "warning"], ["resolve", false, "outage"]]) {
    $(id).addEventListener("click", async () => {
      const { said: answer } = await post("/page/outage", { firing, sample });
      toast(answer.status >= 200 && answer.status < 300 ? t("sent") : t(answer.status ? "refused" : "lost"), answer.status ? "info" : "error");
    });
  }
  state.people = (await (await fetch("/page/people")).json()).people;
  for (const person of state.people) state.users.set(person.id, person);
  const kept = recall("lang");
  state.lang = WORDS[kept] ? kept : (state.people[0]?.locale ?? "zh").startsWith("en") ? "en" : "zh";
  drawWords();
  if (state.people.length) become(state.people[0].id);
}
start();
