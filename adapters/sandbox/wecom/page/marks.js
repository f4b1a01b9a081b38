"use strict";
// What WeCom draws of markdown: headings, bold, quotes, links, code, three colours. Everything is put on the page as text.

const MARK = /\*\*(.+?)\*\*|`([^`]+)`|\[([^\]]+)\]\((https?:[^)\s]+)\)|<font color="?(\w+)"?>([\s\S]*?)<\/font>|(@[^\s@，。：]+)/;
function inline(text) {
  const out = document.createDocumentFragment();
  let rest = text;
  for (let found = MARK.exec(rest); found; found = MARK.exec(rest)) {
    out.append(rest.slice(0, found.index));
    if (found[1] !== undefined) { const bold = el("b"); bold.append(inline(found[1])); out.append(bold); }
    else if (found[2] !== undefined) out.append(el("code", "", found[2]));
    else if (found[3] !== undefined) { const link = el("span", "link", found[3]); link.title = found[4]; out.append(link); }
    else if (found[5] !== undefined) { const font = el("span", `font-${/^(info|comment|warning)$/.test(found[5]) ? found[5] : "other"}`); font.append(inline(found[6])); out.append(font); }
    else out.append(el("span", "mention", found[7]));
    rest = rest.slice(found.index + found[0].length);
  }
  out.append(rest);
  return out;
}
function marked(text) {
  const out = el("div", "markdown");
  for (const line of text.split("\n")) {
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    const quote = /^>\s?(.*)$/.exec(line);
    const node = heading ? el("h4") : el(quote ? "blockquote" : "p");
    node.append(inline(heading ? heading[2] : quote ? quote[1] : line));
    out.append(node);
  }
  return out;
}
