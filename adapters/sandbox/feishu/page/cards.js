"use strict";
// Cards of JSON 2.0 (and what is common in 1.0). An element is named to the server by its place in the order of drawing.

function bodyOf(card) { return (card.schema === "2.0" ? card.body?.elements : card.elements) ?? []; }
function numbered(elements, into = []) {
  for (const one of elements) {
    into.push(one);
    if (one.tag === "column_set") for (const column of one.columns ?? []) numbered(column.elements ?? [], into);
    if (["form", "interactive_container", "collapsible_panel"].includes(one.tag)) numbered(one.elements ?? [], into);
    if (one.tag === "action") numbered(one.actions ?? [], into);
  }
  return into;
}
function valuesOf(value, kind) {
  const list = Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
  return kind.startsWith("multi_") ? list : list.slice(0, 1);
}

// `around` knows names, the members of the chat, and how to act: {t, nameOf, members, press(n, value, element), fill(n, value), busy}
function drawCard(message, around) {
  const card = message.card;
  const order = numbered(bodyOf(card));
  const at = (element) => order.indexOf(element);
  const box = el("div", "card");
  if (card.header) {
    const tone = card.header.template ?? "default";
    const head = el("header", `tone-${COLOURS.test(tone) ? tone : "default"}`);
    head.append(worded(card.header.title, "strong"));
    for (const tag of card.header.text_tag_list ?? []) head.append(el("span", "tag", plainly(tag.text?.content ?? "")));
    if (card.header.subtitle?.content) head.append(worded(card.header.subtitle, "small"));
    box.append(head);
  }
  const body = el("div", "body");
  body.append(...bodyOf(card).map((one) => draw(one, null)));
  box.append(body);
  return box;

  function worded(text, tag) {
    if (!text) return "";
    return text.tag === "lark_md" ? markdown(text.content, around.nameOf) : el(tag, "", plainly(text.content ?? ""));
  }
  function draw(one, form) {
    switch (one.tag) {
      case "markdown": {
        const node = markdown(one.content, around.nameOf);
        if (/^(notation|x-small|small)$/.test(one.text_size ?? "")) node.classList.add("small");
        return node;
      }
      case "div": {
        const node = el("div", "fields");
        if (one.text) node.append(worded(one.text, "p"));
        for (const field of one.fields ?? []) { const cell = el("div", field.is_short ? "short" : ""); cell.append(worded(field.text, "p")); node.append(cell); }
        return node;
      }
      case "hr": return el("hr");
      case "note": { const node = el("div", "small"); node.append(...(one.elements ?? []).map((e) => worded(e, "span"))); return node; }
      case "person": return el("span", "mention", "@" + around.nameOf(one.user_id));
      case "person_list": return el("p", "mention", (one.persons ?? []).map((p) => "@" + around.nameOf(p.id)).join(" "));
      case "img": return el("p", "small", `🖼 ${one.alt?.content ?? ""}`);
      case "table": return table(one);
      case "column_set": {
        const node = el("div", "columns");
        for (const column of one.columns ?? []) { const cell = el("div", column.width === "weighted" ? "weighted" : ""); cell.append(...(column.elements ?? []).map((e) => draw(e, form))); node.append(cell); }
        return node;
      }
      case "action": { const node = el("div", "columns"); node.append(...(one.actions ?? []).map((e) => draw(e, form))); return node; }
      case "form": { const node = el("div", "form"); node.append(...(one.elements ?? []).map((e) => draw(e, one))); return node; }
      case "interactive_container": {
        const node = el("div", "container");
        node.append(...(one.elements ?? []).map((e) => draw(e, form)));
        if (one.behaviors?.length) node.addEventListener("click", () => around.press(at(one), null, one));
        return node;
      }
      case "collapsible_panel": {
        const node = el("details");
        node.open = Boolean(one.expanded);
        const summary = el("summary");
        summary.append(worded(one.header?.title, "span"));
        node.append(summary, ...(one.elements ?? []).map((e) => draw(e, form)));
        return node;
      }
      case "button": return button(one);
      case "overflow": case "select_static": case "multi_select_static": case "select_person": case "multi_select_person": return select(one, form);
      case "input": return input(one, form);
      case "date_picker": case "picker_time": case "picker_datetime": return picker(one, form);
      case "checker": return checker(one, form);
      default: return el("p", "small", around.t("unknown") + one.tag);
    }
  }
  function button(one) {
    const type = one.type ?? "default";
    const node = el("button", /primary/.test(type) ? "primary" : /danger/.test(type) ? "danger" : "", plainly(one.text?.content ?? ""));
    node.type = "button";
    node.disabled = Boolean(one.disabled);
    if (around.busy) node.setAttribute("aria-busy", "true");
    node.addEventListener("click", () => around.press(at(one), null, one));
    return node;
  }
  function kept(one, value) { return one.name in message.draft ? message.draft[one.name] : value; }
  function labelled(one, control, words) {
    const row = el("label", "field");
    const name = one.label?.content ?? one.placeholder?.content ?? one.name ?? "";
    row.append(el("span", "small", plainly(name) + (one.required ? ` * ${around.t("required")}` : "")));
    control.setAttribute("aria-label", words ?? plainly(name));
    row.append(control);
    return row;
  }
  function put(one, form, value) { return form ? around.fill(at(one), value) : around.press(at(one), value, one); }
  function select(one, form) {
    const people = /person/.test(one.tag);
    const given = (one.options ?? []).map((o) => [o.value, people ? around.nameOf(o.value) : plainly(o.text.content)]);
    const options = people && !given.length ? around.members.map((id) => [id, around.nameOf(id)]) : given;
    const chosen = valuesOf(kept(one, one.selected_values ?? one.initial_option), one.tag);
    const node = el("select");
    node.multiple = one.tag.startsWith("multi_");
    node.disabled = Boolean(one.disabled);
    if (!node.multiple) { const none = el("option", "", plainly(one.placeholder?.content ?? around.t("choose"))); none.value = ""; node.append(none); }
    for (const [value, words] of options) { const option = el("option", "", words); option.value = value; option.selected = chosen.includes(value); node.append(option); }
    node.addEventListener("change", () => {
      const values = [...node.selectedOptions].map((o) => o.value).filter(Boolean);
      if (node.multiple || values.length) put(one, form, node.multiple ? values : values[0]);
    });
    return labelled(one, node);
  }
  function input(one, form) {
    const node = el(one.input_type === "multiline_text" ? "textarea" : "input");
    if (node.nodeName === "INPUT") node.type = one.input_type === "password" ? "password" : "text"; else node.rows = one.rows ?? 3;
    node.maxLength = one.max_length ?? 1000;
    node.placeholder = plainly(one.placeholder?.content ?? "");
    node.value = kept(one, one.default_value) ?? "";
    node.disabled = Boolean(one.disabled);
    node.addEventListener("change", () => put(one, form, node.value));
    return labelled(one, node);
  }
  function picker(one, form) {
    const node = el("input");
    node.type = { date_picker: "date", picker_time: "time", picker_datetime: "datetime-local" }[one.tag];
    node.value = String(kept(one, one.initial_date ?? one.initial_time ?? one.initial_datetime) ?? "").replace(/ [+-]\d{4}$/, "").replace(" ", "T");
    node.addEventListener("change", () => node.value && put(one, form, node.value.replace("T", " ")));
    return labelled(one, node);
  }
  function checker(one, form) {
    const row = el("label", "check");
    const node = el("input");
    node.type = "checkbox";
    node.checked = Boolean(kept(one, one.checked));
    node.addEventListener("change", () => put(one, form, node.checked));
    row.append(node, worded(one.text, "span"));
    return row;
  }
  function table(one) {
    const node = el("table");
    const head = el("tr");
    for (const column of one.columns ?? []) head.append(el("th", "", column.display_name ?? column.name));
    node.append(head);
    for (const row of one.rows ?? []) { const line = el("tr"); for (const column of one.columns ?? []) line.append(el("td", "", String(row[column.name] ?? ""))); node.append(line); }
    return node;
  }
}
