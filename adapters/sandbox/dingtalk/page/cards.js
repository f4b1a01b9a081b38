"use strict";
// One interactive card as this person has it: what the template draws of its variables, its buttons, selects and form.

const COLOURS = ["red", "orange", "yellow", "green", "blue", "purple", "grey", "turquoise"];
const DRAFTS = new Map();  // what is typed into a form and was not sent: a card that is drawn anew keeps it

function drawCard(message, around) {
  const card = message.card, { t, names } = around;
  const node = el("div", `card ${COLOURS.includes(card.colour) ? card.colour : "grey"}`);
  if (card.title) { const head = el("h3", "title"); head.append(inline(card.title, names)); node.append(head); }
  if (card.sub) node.append(el("p", "sub", card.sub));
  if (card.body) { const body = el("div", "body"); body.append(markdown(card.body, names)); node.append(body); }
  if (card.buttons.length) {
    const row = el("div", "row");
    for (const one of card.buttons) if (one.status !== "hidden") row.append(drawButton(message, one, around));
    node.append(row);
  }
  for (const one of card.selects) node.append(drawSelect(message, one, around));
  if (card.footer) node.append(el("p", "footer", card.footer));
  if (card.note || card.form) {
    const mine = el("div", "mine");
    if (message.private) mine.append(el("p", "eyes", `👁 ${t("only")}`));
    if (card.note) { const note = el("div", "body"); note.append(markdown(card.note, names)); mine.append(note); }
    if (card.form) mine.append(drawForm(message, card.form, around));
    node.append(mine);
  }
  for (const trouble of card.trouble) node.append(el("p", "trouble-line", `⚠ ${trouble}`));
  return node;
}
function drawButton(message, one, around) {
  if (one.url) return anchor(one.url, one.text ?? one.id);
  const button = el("button", one.color === "blue" || one.status === "primary" ? "primary" : one.color === "red" || one.status === "warning" ? "danger" : "", one.text ?? one.id);
  button.type = "button";
  button.disabled = one.status === "disabled";
  button.addEventListener("click", async () => {
    if (one.confirm && !(await around.asked(one.confirm))) return;
    around.act("press", { message: message.id, button: one.id, confirmed: Boolean(one.confirm) }, button);
  });
  return button;
}
function drawSelect(message, one, around) {
  const select = el("select", "pick");
  const first = el("option", "", one.placeholder ?? one.text ?? around.t("choose"));
  first.value = "";
  select.append(first, ...(one.options ?? []).map((option) => { const item = el("option", "", option.text ?? option.value); item.value = option.value; return item; }));
  select.setAttribute("aria-label", one.placeholder ?? one.text ?? one.id);
  select.addEventListener("change", () => { if (select.value) around.act("choose", { message: message.id, select: one.id, value: select.value }, select); select.value = ""; });
  return select;
}

// ------------------------------------------------------------ forms
function drawForm(message, form, around) {
  const key = `${message.id}/${JSON.stringify(form.fields.map((f) => [f.name, f.type, f.label]))}`;
  if (!DRAFTS.has(key)) DRAFTS.set(key, new Map());
  const drafts = DRAFTS.get(key), node = el("form", "fields");
  node.noValidate = true;
  if (form.title) node.append(el("h4", "", form.title));
  for (const field of form.fields) {
    if (field.hidden) continue;
    const label = el("label", "field");
    label.append(el("span", field.required ? "needed" : "", field.label), drawField(field, drafts));
    node.append(label);
  }
  const send = el("button", "primary", form.submit || around.t("submit"));
  send.type = "submit";
  node.append(send);
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    for (const [name, value] of drafts) if (!(await around.act("fill", { message: message.id, field: name, value })).ok) return;
    const done = await around.act("submit", { message: message.id }, send);
    if (done.ok) DRAFTS.delete(key);
  });
  return node;
}
function drawField(field, drafts) {
  const held = drafts.has(field.name) ? drafts.get(field.name) : field.filled;
  const several = field.type.startsWith("MULTI_"), choice = several || field.type === "SELECT" || field.type === "CHECKBOX_GROUP";
  const box = choice ? el("select") : el(field.type === "TEXT_AREA" ? "textarea" : "input");
  if (choice) {
    box.multiple = several;
    if (!several) { const none = el("option", "", "—"); none.value = ""; box.append(none); }
    for (const option of field.options) { const item = el("option", "", option.text ?? option.value); item.value = option.value; box.append(item); }
    const chosen = [].concat(held && typeof held === "object" && !Array.isArray(held) ? held.value : held ?? []);
    for (const item of box.options) item.selected = chosen.includes(item.value) && item.value !== "";
  } else if (field.type === "CHECKBOX" || field.type === "SWITCH") { box.type = "checkbox"; box.checked = held === true; }
  else {
    if (box.tagName === "INPUT") box.type = { DATE: "date", TIME: "time", DATETIME: "datetime-local" }[field.type] ?? "text";
    box.value = held === null || held === undefined ? "" : field.type === "DATETIME" ? String(held).replace(" ", "T") : String(held);
    box.placeholder = field.placeholder;
  }
  box.name = field.name;
  box.disabled = field.fixed;
  box.addEventListener("input", () => drafts.set(field.name, contentOf(box, field)));
  return box;
}
function contentOf(box, field) {
  if (box.multiple) return [...box.selectedOptions].map((option) => option.value);
  if (box.type === "checkbox") return box.checked;
  return field.type === "DATETIME" ? box.value.replace("T", " ").slice(0, 16) : box.value;
}
