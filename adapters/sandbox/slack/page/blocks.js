"use strict";
// Block Kit as nodes. `here` says what a press does and what was chosen:
// {seen, t, users, channels, press(block, element, value, node), held(block, element) -> content as Slack holds it}

function plain(object) { return object && typeof object.text === "string" ? object.text : ""; }
function worded(object, here) {
  if (!object) return document.createDocumentFragment();
  return object.type === "mrkdwn" ? marked(object.text, here.seen) : document.createTextNode(object.text);
}

function drawBlocks(blocks, here) { return (blocks ?? []).map((block) => drawBlock(block, here)); }

function drawBlock(block, here) {
  const node = el("div", `block ${block.type}`);
  node.dataset.block = block.block_id ?? "";
  switch (block.type) {
    case "header": { const title = el("h3", "", plain(block.text)); node.append(title); break; }
    case "divider": node.append(el("hr")); break;
    case "context":
      for (const one of block.elements ?? []) { const part = el("span", one.type === "image" ? "picture" : ""); part.append(one.type === "image" ? `🖼 ${one.alt_text ?? ""}` : worded(one, here)); node.append(part); }
      break;
    case "section": {
      const words = el("div", "words");
      if (block.text) { const text = el("div", "text"); text.append(worded(block.text, here)); words.append(text); }
      if (block.fields) {
        const fields = el("div", "fields");
        for (const field of block.fields) { const one = el("div", "field"); one.append(worded(field, here)); fields.append(one); }
        words.append(fields);
      }
      node.append(words);
      if (block.accessory) { const beside = el("div", "accessory"); beside.append(drawElement(block, block.accessory, here)); node.append(beside); }
      break;
    }
    case "actions": for (const one of block.elements ?? []) node.append(drawElement(block, one, here)); break;
    case "image": node.append(el("span", "picture", `🖼 ${block.alt_text ?? ""}`)); break;
    case "markdown": node.append(document.createTextNode(block.text ?? "")); break;
    case "rich_text": node.append(document.createTextNode(flatText(block.elements))); break;
    default: node.append(el("span", "unknown", here.t("unknownBlock") + block.type));
  }
  return node;
}
function flatText(parts) {
  return (parts ?? []).map((part) => (part.elements ? flatText(part.elements) + (part.type === "rich_text_section" ? "" : "\n") : part.text ?? part.name ?? part.url ?? "")).join("");
}

const offered = (element) => [...(element.options ?? []), ...(element.option_groups ?? []).flatMap((group) => group.options)];

function drawElement(block, element, here) {
  const kind = element.type;
  if (kind === "button") {
    const button = el("button", `kit ${element.style ?? ""}`, plain(element.text));
    button.type = "button";
    button.addEventListener("click", () => here.press(block, element, null, button));
    return button;
  }
  if (kind === "overflow") return overflow(block, element, here);
  if (kind === "image") return el("span", "picture", `🖼 ${element.alt_text ?? ""}`);
  if (/^(multi_\w+_select|checkboxes|radio_buttons)$/.test(kind)) return several(block, element, here);
  if (/_select$/.test(kind)) return select(block, element, here);
  if (/picker$/.test(kind)) return picker(block, element, here);
  return el("span", "unknown", here.t("unknownBlock") + kind);
}

function choicesOf(element, here) {
  const kind = element.type.replace("multi_", "");
  if (kind === "users_select") return here.users().filter((u) => !u.deleted).map((u) => ({ value: u.id, words: u.real_name }));
  if (kind === "channels_select" || kind === "conversations_select") return here.channels().filter((c) => !c.im).map((c) => ({ value: c.id, words: "#" + c.name }));
  return offered(element).map((o) => ({ value: o.value, words: plain(o.text), more: plain(o.description) }));
}
function contentOf(held) {
  const value = Object.entries(held ?? {}).find(([name]) => name !== "type")?.[1];
  const one = (v) => (v && typeof v === "object" ? v.value : v);
  return Array.isArray(value) ? value.map(one) : one(value) ?? null;
}

function select(block, element, here) {
  const node = el("select", "kit");
  const placeholder = plain(element.placeholder) || here.t(element.type === "users_select" ? "nobody" : "choose");
  node.setAttribute("aria-label", placeholder);
  const none = el("option", "", placeholder);
  none.value = "";
  node.append(none, ...choicesOf(element, here).map((choice) => {
    const option = el("option", "", choice.more ? `${choice.words} · ${choice.more}` : choice.words);
    option.value = choice.value;
    return option;
  }));
  node.value = contentOf(here.held(block, element)) ?? "";
  node.addEventListener("change", () => { if (node.value !== "") here.press(block, element, node.value, node); });
  node.put = (value) => { node.value = value ?? ""; };
  return node;
}

function several(block, element, here) {
  const one = element.type === "radio_buttons";
  const box = el("div", "several");
  box.setAttribute("role", one ? "radiogroup" : "group");
  const held = [].concat(contentOf(here.held(block, element)) ?? []);
  const name = `${block.block_id}/${element.action_id}`;
  const marks = choicesOf(element, here).map((choice) => {
    const label = el("label"), mark = el("input");
    mark.type = one ? "radio" : "checkbox";
    mark.name = name;
    mark.value = choice.value;
    mark.checked = held.includes(choice.value);
    mark.addEventListener("change", () => here.press(block, element, one ? mark.value : marks.filter((m) => m.checked).map((m) => m.value), box));
    label.append(mark, choice.words);
    if (choice.more) label.append(el("small", "", choice.more));
    box.append(label);
    return mark;
  });
  return box;
}

function picker(block, element, here) {
  const node = el("input", "kit");
  node.type = { datepicker: "date", timepicker: "time", datetimepicker: "datetime-local" }[element.type] ?? "text";
  const moment = element.type === "datetimepicker";
  const held = contentOf(here.held(block, element));
  node.value = held === null ? "" : moment ? zoned(held, here.seen.tz) : held;
  node.setAttribute("aria-label", plain(element.placeholder) || plain(block.label) || element.action_id);
  node.addEventListener("change", () => { if (node.value) here.press(block, element, moment ? epochOf(node.value, here.seen.tz) : node.value, node); });
  return node;
}
// A person picks times on their own clock, wherever this browser is.
function zoned(seconds, tz) {
  const parts = Object.fromEntries(new Intl.DateTimeFormat("en-GB", { timeZone: tz, hour12: false, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" }).formatToParts(new Date(seconds * 1000)).map((p) => [p.type, p.value]));
  return `${parts.year}-${parts.month}-${parts.day}T${parts.hour === "24" ? "00" : parts.hour}:${parts.minute}`;
}
function epochOf(words, tz) {
  const wall = Date.parse(words + "Z") / 1000;
  let at = wall;
  for (let n = 0; n < 2; n += 1) at += wall - Date.parse(zoned(at, tz) + "Z") / 1000;
  return at;
}

function overflow(block, element, here) {
  const box = el("details", "overflow");
  const open = el("summary", "kit", "⋯");
  open.setAttribute("aria-label", here.t("more"));
  const menu = el("div", "menu");
  for (const option of element.options) {
    const button = el("button", "", plain(option.text));
    button.type = "button";
    button.addEventListener("click", () => { box.open = false; here.press(block, element, option.value, button); });
    menu.append(button);
  }
  box.append(open, menu);
  return box;
}

// Ask the question of a confirm object; gives whether it was answered with yes.
function asked(confirm, fallback) {
  const dialog = document.getElementById("confirm");
  const [title, text, no, yes] = ["h2", "div", "button", "button"].map((tag) => el(tag));
  title.textContent = plain(confirm.title);
  text.textContent = plain(confirm.text);
  no.textContent = plain(confirm.deny) || fallback;
  yes.textContent = plain(confirm.confirm) || "OK";
  no.type = yes.type = "button";
  no.className = "deny";
  yes.className = confirm.style === "danger" ? "danger" : "primary";
  const row = el("div", "row");
  row.append(no, yes);
  dialog.replaceChildren(title, text, row);
  dialog.setAttribute("aria-label", title.textContent);
  return new Promise((resolve) => {
    const answer = (value) => { dialog.close(); resolve(value); };
    no.addEventListener("click", () => answer(false));
    yes.addEventListener("click", () => answer(true));
    dialog.oncancel = (event) => { event.preventDefault(); answer(false); };
    dialog.showModal();
    yes.focus();
  });
}
