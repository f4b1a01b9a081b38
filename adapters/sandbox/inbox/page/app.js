"use strict";
// Shows what arrived outside chats. Everything that was written by anybody is put on the page as text; a mail's HTML is a
// page of its own, in a frame that runs nothing.

const WORDS = {
  zh: {
    all: "全部", mail: "邮件", sms: "短信", call: "电话", hook: "推送",
    empty: "这里是群聊之外：通告的邮件和短信、叫人的电话、对外状态页收到的推送。还什么都没有。",
    from: (item, at) => `${at} · 发给 ${item.to}${item.to === item.address ? "" : `（${item.address}）`}`,
    rang: (item) => `电话打给 ${item.to}，接通后读了：`, wrote: (item) => `短信发给 ${item.to}`, posted: (item) => `推送给${item.to}`,
    files: "附件：", until: (s, at) => `🔇 告警静默到 ${at}：${s.comment}`, choose: "选一条看内容。",
    changes: { declared: "声明", confirmed: "确认", severity: "等级变化", recovered: "恢复", reviewing: "待复盘", reopened: "重开", closed: "关闭", dismissed: "误报", merged: "合并", cancelled: "取消", undone: "撤销" },
  },
  en: {
    all: "All", mail: "Mail", sms: "SMS", call: "Calls", hook: "Webhooks",
    empty: "This is outside the chats: announcements by mail and SMS, calls to people, what the public status page is told. Nothing yet.",
    from: (item, at) => `${at} · to ${item.to}${item.to === item.address ? "" : ` (${item.address})`}`,
    rang: (item) => `${item.to} was called, and heard:`, wrote: (item) => `SMS to ${item.to}`, posted: (item) => `Posted to ${item.to}`,
    files: "Attached: ", until: (s, at) => `🔇 Alerts are silent until ${at}: ${s.comment}`, choose: "Choose one to read it.",
    changes: { declared: "Declared", confirmed: "Confirmed", severity: "Another level", recovered: "Recovered", reviewing: "To be reviewed", reopened: "Reopened", closed: "Closed", dismissed: "False alarm", merged: "Merged", cancelled: "Cancelled", undone: "Undone" },
  },
};
const SIGNS = { mail: "✉️", sms: "💬", call: "📞", hook: "🔗" };
const at = (id) => document.getElementById(id);
let seen = { items: [], silences: [], lang: "zh" };
let kind = "all";
let chosen = 0;

function el(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}
function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB", { timeZone: "Asia/Shanghai", hour: "2-digit", minute: "2-digit" });
}
function heading(item, words) {
  if (item.kind === "mail") return item.subject;
  return item.kind === "hook" ? words.changes[item.change] || item.subject : item.text;
}

function draw() {
  const words = WORDS[seen.lang] || WORDS.zh;
  document.documentElement.lang = seen.lang === "en" ? "en" : "zh-CN";
  at("kinds").replaceChildren(...["all", "mail", "sms", "call", "hook"].map((one) => {
    const count = one === "all" ? seen.items.length : seen.items.filter((item) => item.kind === one).length;
    const tab = el("button", "", count ? `${words[one]} ${count}` : words[one]);
    tab.type = "button";
    tab.role = "tab";
    tab.setAttribute("aria-selected", String(one === kind));
    tab.addEventListener("click", () => { kind = one; draw(); });
    return tab;
  }));
  const shown = seen.items.filter((item) => kind === "all" || item.kind === kind).reverse();
  at("items").replaceChildren(...shown.map((item) => {
    const button = el("button");
    button.type = "button";
    button.setAttribute("aria-current", String(item.n === chosen));
    button.append(el("span", "sign", SIGNS[item.kind]), el("span", "to", item.to), el("time", "", clock(item.at)));
    button.append(el("span", "words", heading(item, words)));
    button.addEventListener("click", () => { chosen = item.n; draw(); open(item, words); });
    const line = el("li");
    line.append(button);
    return line;
  }));
  at("empty").textContent = seen.items.length ? "" : words.empty;
  document.querySelectorAll(".silence").forEach((node) => node.remove());
  for (const silence of seen.silences) {
    document.querySelector("aside").append(el("p", "silence", words.until(silence, clock(silence.ends))));
  }
  if (!chosen) at("open").replaceChildren(el("p", "from", seen.items.length ? words.choose : ""));
}

function open(item, words) {
  const parts = [];
  if (item.kind === "mail") {
    parts.push(el("h1", "", item.subject), el("p", "from", words.from(item, clock(item.at))));
    if (item.files.length) parts.push(el("p", "from", words.files + item.files.join(" · ")));
    if (item.html) {
      const frame = el("iframe");
      frame.title = item.subject;
      frame.setAttribute("sandbox", "allow-popups allow-popups-to-escape-sandbox");
      frame.src = `/inbox/mail/${item.n}`;
      parts.push(frame);
    } else parts.push(el("p", "text", item.text));
  } else if (item.kind === "hook") {
    parts.push(el("h1", "", heading(item, words)), el("p", "from", `${clock(item.at)} · ${words.posted(item)}`), el("pre", "text", item.text));
  } else {
    parts.push(el("h1", "", (item.kind === "call" ? words.rang : words.wrote)(item)));
    parts.push(el("p", "from", `${clock(item.at)} · ${item.address}`), el("p", "text bubble", item.text));
  }
  at("open").replaceChildren(...parts);
  at("open").focus({ preventScroll: true });
}

new EventSource("/inbox/events").addEventListener("message", (event) => {
  seen = JSON.parse(event.data);
  draw();
});
