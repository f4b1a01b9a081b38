"use strict";
// The card's markdown as nodes. Everything is put on the page as text, never as mark-up.

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', nbsp: "\u00a0" };
function plainly(text) {
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, number, hex, name) => {
    const code = number ? Number(number) : hex ? parseInt(hex, 16) : 0;
    if (code) return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    return ENTITIES[name] ?? whole;
  });
}
const COLOURS = /^(blue|wathet|turquoise|green|yellow|orange|red|carmine|violet|purple|indigo|grey|default)$/;
const INLINE = /<at\s+id\s*=\s*['"]?([^'">\s]+)['"]?\s*><\/at>|<font\s+color\s*=\s*['"]?([\w-]+)['"]?\s*>([\s\S]*?)<\/font>|<text_tag(?:\s+color\s*=\s*['"]?([\w-]+)['"]?)?\s*>([\s\S]*?)<\/text_tag>|\[([^\]\n]*)\]\((https?:\/\/[^\s)]+)\)|<a\s+href\s*=\s*['"](https?:\/\/[^'"]+)['"]\s*>([\s\S]*?)<\/a>|`([^`\n]+)`|\*\*([^\n]+?)\*\*|~~([^\n]+?)~~|(?<![*\w])\*([^*\n]+?)\*(?![*\w])|(https?:\/\/[^\s<>()"']+)|<br\s*\/?>/g;

function linked(address, words) {
  const node = el("a", "", words || address);
  node.href = address;
  node.target = "_blank";
  node.rel = "noreferrer";
  return node;
}
function marked(text, nameOf, into) {
  let last = 0;
  for (const found of text.matchAll(INLINE)) {
    const [whole, at, colour, coloured, tag, tagged, words, link, href, anchor, code, bold, struck, italic, bare] = found;
    into.append(plainly(text.slice(last, found.index)));
    last = found.index + whole.length;
    if (at !== undefined) into.append(el("span", "mention", "@" + nameOf(at)));
    else if (coloured !== undefined) into.append(marked(coloured, nameOf, el("span", COLOURS.test(colour) ? `ink-${colour}` : "")));
    else if (tagged !== undefined) into.append(marked(tagged, nameOf, el("span", `tag ${COLOURS.test(tag) ? `tone-${tag}` : ""}`)));
    else if (link !== undefined) into.append(linked(link, plainly(words)));
    else if (href !== undefined) into.append(linked(href, plainly(anchor)));
    else if (code !== undefined) into.append(el("code", "", plainly(code)));
    else if (bold !== undefined) into.append(marked(bold, nameOf, el("strong")));
    else if (struck !== undefined) into.append(marked(struck, nameOf, el("s")));
    else if (italic !== undefined) into.append(marked(italic, nameOf, el("em")));
    else if (bare !== undefined) into.append(linked(bare, bare));
    else into.append("\n");
  }
  into.append(plainly(text.slice(last)));
  return into;
}
function markdown(text, nameOf) {
  const box = el("div", "md");
  let list = null;
  for (const [n, line] of text.split("\n").entries()) {
    const item = /^\s*(?:[-*]|(\d+)\.)\s+(.*)$/.exec(line);
    const head = /^(#{1,6})\s+(.*)$/.exec(line);
    if (/^\s*(---|<hr\s*\/?>)\s*$/.test(line)) { list = null; box.append(el("hr")); continue; }
    if (item) {
      if (!list) { list = el(item[1] ? "ol" : "ul"); box.append(list); }
      list.append(marked(item[2], nameOf, el("li")));
      continue;
    }
    if (n && !list && box.lastChild && box.lastChild.nodeName !== "HR") box.append("\n");
    list = null;
    if (head) box.append(marked(head[2], nameOf, el("strong", "heading")));
    else marked(line, nameOf, box);
  }
  return box;
}
