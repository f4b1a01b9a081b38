"use strict";
// Slack's mrkdwn as nodes. Everything is put on the page as text, never as mark-up.

const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", eyes: "👀", mega: "📣", tada: "🎉", warning: "⚠️", rotating_light: "🚨", "+1": "👍", thumbsup: "👍", "-1": "👎",
  fire: "🔥", pushpin: "📌", memo: "📝", hourglass: "⌛", hourglass_flowing_sand: "⏳", no_entry: "⛔", question: "❓", red_circle: "🔴", large_blue_circle: "🔵",
  large_orange_circle: "🟠", large_yellow_circle: "🟡", lock: "🔒", wave: "👋", pray: "🙏",
};
const unescaped = (words) => words.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
const INLINE = /<([^<>\n]+)>|`([^`\n]+)`|(?<!\w)\*(?=[^\s*])([^*\n]*[^\s*])\*(?!\w)|(?<!\w)_(?=[^\s_])([^_\n]*[^\s_])_(?!\w)|(?<!\w)~(?=[^\s~])([^~\n]*[^\s~])~(?!\w)|:([a-z0-9_+-]+):/g;

// `seen` knows names: {user(id), channel(id), visit(channel, ts), tz, lang, domain}
function marked(text, seen) {
  const out = document.createDocumentFragment();
  for (const [n, part] of String(text).split("```").entries()) {
    if (n % 2) { out.append(el("pre", "code", plainOf(part, seen).replace(/^\n|\n$/g, ""))); continue; }
    let quote = null;
    const lines = part.split("\n");
    for (const [at, line] of lines.entries()) {
      const quoted = /^(?:&gt;|>)\s?/.exec(line);
      if (quoted) {
        if (!quote) { quote = el("blockquote"); out.append(quote); } else quote.append("\n");
        inline(line.slice(quoted[0].length), quote, seen);
        continue;
      }
      if (at > 0 && !quote) out.append("\n");
      quote = null;
      inline(line, out, seen);
    }
  }
  return out;
}

function inline(text, into, seen) {
  let last = 0;
  for (const found of text.matchAll(INLINE)) {
    const [whole, token, code, bold, italic, struck, emoji] = found;
    if (emoji !== undefined && !EMOJI[emoji]) continue;
    into.append(unescaped(text.slice(last, found.index)));
    last = found.index + whole.length;
    if (token !== undefined) into.append(tokened(token, seen));
    else if (code !== undefined) into.append(el("code", "", plainOf(code, seen)));
    else if (emoji !== undefined) into.append(EMOJI[emoji]);
    else {
      const node = el(bold !== undefined ? "strong" : italic !== undefined ? "em" : "s");
      inline(bold ?? italic ?? struck, node, seen);
      into.append(node);
    }
  }
  into.append(unescaped(text.slice(last)));
}

function plainOf(text, seen) {
  return unescaped(text.replace(/<([^<>\n]+)>/g, (_, token) => tokened(token, seen).textContent.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c])));
}

function tokened(token, seen) {
  const bar = token.indexOf("|");
  const what = bar < 0 ? token : token.slice(0, bar);
  const label = bar < 0 ? "" : unescaped(token.slice(bar + 1));
  if (what[0] === "@") return el("span", what.slice(1) === seen.me ? "mention mine" : "mention", "@" + (seen.user(what.slice(1)) || label || what.slice(1)));
  if (what[0] === "#") return visiting(el("a", "mention", "#" + (seen.channel(what.slice(1)) || label || what.slice(1))), what.slice(1), "", seen);
  if (what.startsWith("!date^")) return dated(what.split("^"), label, seen);
  if (what[0] === "!") return el("span", "mention mine", label || "@" + what.slice(1).split("^")[0]);
  const address = unescaped(what);
  const node = el("a", "", label || address.replace(/^mailto:/, ""));
  const archive = /^https:\/\/([\w-]+)\.slack\.com\/archives\/(\w+)(?:\/p(\d{10})(\d+))?/.exec(address);
  if (archive && archive[1] === seen.domain) return visiting(node, archive[2], archive[3] ? `${archive[3]}.${archive[4]}` : "", seen);
  if (!/^(https?:\/\/|mailto:)/i.test(address)) return document.createTextNode(`<${unescaped(token)}>`);
  node.href = address;
  node.target = "_blank";
  node.rel = "noopener noreferrer";
  node.title = address;
  return node;
}

function visiting(node, channel, ts, seen) {
  node.href = "#" + channel;
  node.addEventListener("click", (event) => { event.preventDefault(); seen.visit(channel, ts); });
  return node;
}

function dated([, stamp, format], fallback, seen) {
  const at = new Date(Number(stamp) * 1000);
  if (Number.isNaN(at.getTime()) || !format) return document.createTextNode(fallback);
  const locale = seen.lang === "zh" ? "zh-CN" : "en-GB";
  const said = (how) => at.toLocaleString(locale, { timeZone: seen.tz, hour12: false, ...how });
  const date = { year: "numeric", month: "2-digit", day: "2-digit" };
  const parts = {
    time: () => said({ hour: "2-digit", minute: "2-digit" }), time_secs: () => said({ hour: "2-digit", minute: "2-digit", second: "2-digit" }), date_num: () => said(date).replaceAll("/", "-"),
    date: () => said({ year: "numeric", month: "long", day: "numeric" }), date_short: () => said({ year: "numeric", month: "short", day: "numeric" }),
    date_long: () => said({ weekday: "long", year: "numeric", month: "long", day: "numeric" }),
  };
  parts.date_pretty = parts.date; parts.date_short_pretty = parts.date_short; parts.date_long_pretty = parts.date_long;
  const node = el("time", "", unescaped(format).replace(/\{(\w+)\}/g, (whole, name) => (parts[name] ? parts[name]() : whole)));
  node.dateTime = at.toISOString();
  node.title = `${said({ dateStyle: "medium", timeStyle: "medium" })} ${seen.tz}`;
  return node;
}
