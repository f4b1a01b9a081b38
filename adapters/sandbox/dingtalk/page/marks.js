"use strict";
// DingTalk's markdown, drawn as text nodes: whatever it says, it never becomes a part of the page.

function safe(url) {
  try { const parsed = new URL(url); return /^(https?|dingtalk):$/.test(parsed.protocol) ? parsed.href : null; } catch { return null; }
}
function anchor(url, words) {
  const good = safe(url);
  if (!good) return document.createTextNode(words);
  const link = el("a", "", words);
  link.href = good; link.target = "_blank"; link.rel = "noreferrer noopener";
  return link;
}
const INLINE = /\*\*([^*\n]+)\*\*|`([^`\n]+)`|\[([^\]\n]*)\]\(([^)\s]+)\)|<a atId=([^>\s]+)>([^<]*)<\/?a>|<font color=["']?[#\w]+["']?>([^<]*)<\/font>|@([^\s@，。,、：:]+)/g;
function inline(line, names) {
  const out = document.createDocumentFragment();
  let from = 0;
  for (const found of line.matchAll(INLINE)) {
    out.append(line.slice(from, found.index));
    from = found.index + found[0].length;
    if (found[1] !== undefined) out.append(el("strong", "", found[1]));
    else if (found[2] !== undefined) out.append(el("code", "", found[2]));
    else if (found[4] !== undefined) out.append(anchor(found[4], found[3]));
    else if (found[6] !== undefined) out.append(el("span", "at", `@${found[6].trim().replace(/^@/, "")}`));
    else if (found[7] !== undefined) out.append(el("span", "", found[7]));
    else out.append(names(found[8]) ? el("span", "at", `@${names(found[8])}`) : found[0]);
  }
  out.append(line.slice(from));
  return out;
}
function markdown(text, names) {
  const out = document.createDocumentFragment();
  let list = null;
  for (const line of text.split("\n")) {
    const head = /^(#{1,6})\s+(.*)$/.exec(line), item = /^\s*(?:[-*]|\d+\.)\s+(.*)$/.exec(line), quote = /^>\s?(.*)$/.exec(line);
    if (item) {
      if (!list) { list = el("ul"); out.append(list); }
      const entry = el("li"); entry.append(inline(item[1], names)); list.append(entry);
      continue;
    }
    list = null;
    if (/^\s*(---|\*\*\*)\s*$/.test(line)) { out.append(el("hr")); continue; }
    const node = el(head ? "h3" : quote ? "blockquote" : "p");
    node.append(inline((head?.[2] ?? quote?.[1] ?? line).replace(/ {2,}$/, ""), names));
    out.append(node);
  }
  return out;
}
function plain(text, names) {
  const out = document.createDocumentFragment();
  text.split("\n").forEach((line, n) => {
    if (n) out.append(el("br"));
    let from = 0;
    for (const found of line.matchAll(/@(\S+)/g)) {
      const name = names(found[1]);
      if (!name) continue;
      out.append(line.slice(from, found.index), el("span", "at", `@${name}`));
      from = found.index + found[0].length;
    }
    out.append(line.slice(from));
  });
  return out;
}
