"use strict";
// A template card as WeCom draws it. `does` presses and chooses; a card that was answered has one grey button.

function drawCard(card, chosen, does, t) {
  const node = el("div", `card ${card.card_type}`);
  const add = (className, ...words) => { if (words.some(Boolean)) { const part = el("div", className); part.append(...words.filter(Boolean)); node.append(part); return part; } return null; };
  const top = el("div", "source");
  top.append(el("span", `colour-${card.source.desc_color}`, card.source.desc));
  if (card.menu.length) top.append(menuOf(card.menu, does, t));
  if (card.source.desc || card.menu.length) node.append(top);
  add("card-title", card.title);
  add("card-desc", card.desc);
  if (card.emphasis[0] || card.emphasis[1]) { const part = el("div", "emphasis"); part.append(el("b", "", card.emphasis[0]), el("span", "", card.emphasis[1])); node.append(part); }
  if (card.quote[0] || card.quote[1]) { const part = el("blockquote"); part.append(el("b", "", card.quote[0]), el("p", "", card.quote[1])); node.append(part); }
  add("sub", card.sub_title_text);
  if (card.rows.length) {
    const list = el("dl");
    for (const row of card.rows) { const value = el("dd", row.type ? "link" : "", row.value); if (row.url) value.title = row.url; list.append(el("dt", "", row.keyname), value); }
    node.append(list);
  }
  for (const [title, words] of card.paragraphs) { const part = el("div", "paragraph"); part.append(el("b", "", title), el("p", "", words)); node.append(part); }
  const done = Boolean(card.replace_text);
  for (const select of card.selects) {
    const label = el("label", "select");
    const box = el("select");
    box.disabled = done || Boolean(select.disable);
    box.append(...select.option_list.map((option) => { const one = el("option", "", option.text); one.value = option.id; one.selected = (chosen[select.question_key] ?? []).includes(option.id); return one; }));
    box.addEventListener("change", () => does.choose(select.question_key, [box.value]));
    label.append(el("span", "", select.title || t("choose")), box);
    node.append(label);
  }
  if (card.checkbox) {
    const box = el("div", "ticks");
    const several = card.checkbox.mode === 1;
    for (const option of card.checkbox.option_list) {
      const label = el("label");
      const tick = el("input");
      tick.type = several ? "checkbox" : "radio";
      tick.name = `${card.task_id}/${card.checkbox.question_key}`;
      tick.value = option.id;
      tick.disabled = done;
      tick.checked = (chosen[card.checkbox.question_key] ?? []).includes(option.id);
      tick.addEventListener("change", () => { const ids = [...box.querySelectorAll("input:checked")].map((one) => one.value); if (ids.length) does.choose(card.checkbox.question_key, ids); });
      label.append(tick, option.text);
      box.append(label);
    }
    node.append(box);
  }
  for (const jump of card.jumps) { const line = el("div", "jump", `${jump.title} ›`); if (jump.url) line.title = jump.url; node.append(line); }
  const row = el("div", "buttons");
  if (done) { const grey = el("button", "", card.replace_text); grey.type = "button"; grey.disabled = true; row.append(grey); }
  else {
    for (const button of card.buttons) {
      const one = el("button", `style-${button.style ?? 1}`, button.text);
      one.type = "button";
      if (button.type === 1) one.title = button.url; else one.addEventListener("click", () => does.press(button.key, one));
      row.append(one);
    }
    if (card.submit) { const one = el("button", "style-1", card.submit.text); one.type = "button"; one.addEventListener("click", () => does.press(card.submit.key, one)); row.append(one); }
  }
  if (row.children.length) node.append(row);
  return node;
}
function menuOf(actions, does, t) {
  const box = el("details", "tools");
  const open = el("summary", "", "⋯");
  open.setAttribute("aria-label", t("menu"));
  const list = el("div", "menu");
  for (const action of actions) {
    const one = el("button", "", action.text);
    one.type = "button";
    one.addEventListener("click", () => { box.open = false; does.press(action.key, one); });
    list.append(one);
  }
  box.append(open, list);
  return box;
}
