"use strict";
// The modal that a person has open. What was typed stays where it is until the form is gone.

const modal = { shown: "", fields: new Map(), sending: Promise.resolve(), id: null, left: null };

function drawModal(now, here) {
  const dialog = document.getElementById("modal");
  if (!now) {
    if (dialog.open) dialog.close();
    modal.shown = ""; modal.id = null; modal.fields = new Map();
    return;
  }
  const sign = now.id + JSON.stringify(now.view) + here.seen.lang;
  if (sign !== modal.shown) buildModal(dialog, now, here, sign);
  dialog.querySelector(".trouble").textContent = now.trouble ? here.t("formTrouble") : "";
  for (const [block, field] of modal.fields) showError(field, now.errors[block] ? errorWords(now.errors[block], here) : field.own);
  const submit = dialog.querySelector(".submit");
  if (submit) { submit.disabled = now.busy; submit.textContent = now.busy ? here.t("busy") : plain(now.view.submit); }
  if (!dialog.open) { dialog.showModal(); dialog.querySelector("textarea, input, select")?.focus(); }
}

// The stand-in's client says these in English; the bot's own words stay as they are.
function errorWords(words, here) {
  if (words === "Please complete this required field.") return here.t("mustFill");
  const between = /^Between (\d+) and (\d+) characters\.$/.exec(words);
  return between ? here.t("between")(between[1], between[2]) : words;
}
function showError(field, words) {
  field.error.textContent = words;
  field.node.classList.toggle("wrong", Boolean(words));
  field.input.setAttribute("aria-invalid", String(Boolean(words)));
}

function buildModal(dialog, now, here, sign) {
  const typed = new Map(now.id === modal.id ? [...modal.fields].filter(([, f]) => f.dirty).map(([block, f]) => [block, f.input.value]) : []);
  modal.shown = sign; modal.id = now.id; modal.fields = new Map();
  const inside = {
    ...here,
    held: (block, element) => now.values[block.block_id]?.[element.action_id],
    press: async (block, element, value) => {
      let confirmed = false;
      if (element.confirm) { if (!(await asked(element.confirm, here.t("cancel")))) return; confirmed = true; }
      fill(block, element, value, here, confirmed);
    },
  };
  const form = el("form");
  form.noValidate = true;
  const head = el("header");
  head.append(el("h2", "", plain(now.view.title)));
  const cross = el("button", "quiet", "✕");
  cross.type = "button";
  cross.setAttribute("aria-label", here.t("close"));
  cross.addEventListener("click", () => here.leave(now.id));
  head.append(cross);
  const body = el("div", "body");
  const trouble = el("p", "trouble");
  trouble.setAttribute("role", "alert");
  body.append(trouble, ...now.view.blocks.map((block) => (block.type === "input" ? field(block, inside, typed) : drawBlock(block, inside))));
  const foot = el("footer", "row");
  const away = el("button", "deny", plain(now.view.close) || here.t("cancel"));
  away.type = "button";
  away.addEventListener("click", () => here.leave(now.id));
  foot.append(away);
  if (now.view.submit) { const send = el("button", "primary submit", plain(now.view.submit)); send.type = "submit"; foot.append(send); }
  form.append(head, body, foot);
  form.addEventListener("submit", async (event) => { event.preventDefault(); await flush(here); here.submit(now.id); });
  dialog.replaceChildren(form);
  dialog.setAttribute("aria-label", plain(now.view.title));
  dialog.oncancel = (event) => { event.preventDefault(); here.leave(now.id); };
}

function field(block, here, typed) {
  const element = block.element;
  const node = el("div", "block input");
  node.dataset.block = block.block_id;
  const label = el("label", "name", plain(block.label));
  if (block.optional) label.append(el("small", "", " " + here.t("optional")));
  else { const star = el("span", "star", "*"); star.title = here.t("required"); label.append(star); }
  const words = /_text_input$|_input$/.test(element.type);
  const input = words ? typing(block, element, here) : drawElement(block, element, here);
  input.id = `field-${block.block_id}`;
  if (input.getAttribute("role")) input.setAttribute("aria-label", plain(block.label)); else label.htmlFor = input.id;
  if (!words) input.removeAttribute(input.getAttribute("role") ? "x" : "aria-label");
  const error = el("p", "error");
  error.id = `error-${block.block_id}`;
  error.setAttribute("role", "alert");
  input.setAttribute("aria-describedby", error.id);
  const one = { node, input, error, block, element, dirty: false, own: "" };
  modal.fields.set(block.block_id, one);
  if (typed.has(block.block_id)) { input.value = typed.get(block.block_id); one.dirty = true; }
  if (words) {
    input.addEventListener("input", () => { one.dirty = true; });
    input.addEventListener("change", () => flushOne(one, here));
  }
  node.append(label, input);
  if (block.hint) node.append(el("p", "hint", plain(block.hint)));
  node.append(error);
  return node;
}
function typing(block, element, here) {
  const input = el(element.multiline ? "textarea" : "input", "typed");
  if (element.multiline) input.rows = 3;
  else input.type = { number_input: "number", email_text_input: "email", url_text_input: "url" }[element.type] ?? "text";
  if (element.max_length) input.maxLength = element.max_length;
  input.placeholder = plain(element.placeholder);
  input.value = contentOf(here.held(block, element)) ?? "";
  return input;
}

function fill(block, element, value, here, confirmed) {
  const id = modal.id;
  modal.sending = modal.sending.then(async () => {
    const { ok, said } = await here.fill(id, block.block_id, element.action_id, value, confirmed);
    const one = modal.fields.get(block.block_id);
    if (one) { one.own = ok ? "" : said.error ?? ""; showError(one, one.own); }
  });
  return modal.sending;
}
function flushOne(one, here) {
  if (!one.dirty) return modal.sending;
  one.dirty = false;
  return fill(one.block, one.element, one.input.value, here, false);
}
async function flush(here) {
  for (const one of modal.fields.values()) flushOne(one, here);
  await modal.sending;
}
