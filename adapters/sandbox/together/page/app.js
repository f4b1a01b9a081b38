"use strict";
// Shows one stand-in's page, or two side by side. Each page is loaded once and stays, so that nobody loses what they typed.

const WORDS = {
  zh: { beside: "并排看两个", alone: "只看一个", hint: "同一个机器人连着四个平台。在应急群里说「同步到 飞书」，另一边就有同一个故障的群。" },
  en: { beside: "Two side by side", alone: "One at a time", hint: "One bot is on all four. Type “mirror feishu” in a room, and the same incident has a room there." },
};
const at = (id) => document.getElementById(id);
let shown = [];
let two = false;

function frame(chat) {
  const known = document.querySelector(`iframe[data-chat="${chat.name}"]`);
  if (known) return known;
  const made = document.createElement("iframe");
  made.dataset.chat = chat.name;
  made.title = chat.title;
  made.src = chat.url;
  at("frames").append(made);
  return made;
}

function draw(chats, words) {
  for (const chat of chats) {
    const on = shown.includes(chat.name);
    at(`tab-${chat.name}`).setAttribute("aria-selected", String(on));
    if (on) frame(chat).style.order = String(shown.indexOf(chat.name));
    const known = document.querySelector(`iframe[data-chat="${chat.name}"]`);
    if (known) known.hidden = !on;
  }
  at("frames").dataset.count = String(shown.length);
  at("beside").textContent = two ? words.alone : words.beside;
  at("beside").setAttribute("aria-pressed", String(two));
}

async function start() {
  const { chats, lang, inbox } = await (await fetch("/chats")).json();
  const alone = chats.length < 2;
  if (inbox) chats.push({ name: "inbox", title: GUIDE[lang].inbox, url: "/inbox/" });
  const words = WORDS[lang] || WORDS.zh;
  document.documentElement.lang = lang === "en" ? "en" : "zh-CN";
  at("hint").textContent = alone ? "" : words.hint;
  shown = [chats[0].name];
  for (const chat of chats) {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.id = `tab-${chat.name}`;
    tab.role = "tab";
    tab.textContent = chat.title;
    tab.addEventListener("click", () => {
      const others = shown.filter((name) => name !== chat.name);
      shown = two ? [...others.slice(-1), chat.name] : [chat.name];
      draw(chats, words);
    });
    at("chats").append(tab);
  }
  at("beside").addEventListener("click", () => {
    two = !two;
    const next = chats.find((chat) => !shown.includes(chat.name));
    shown = two && next ? [...shown, next.name] : shown.slice(-1);
    draw(chats, words);
  });
  if (inbox) {
    guide(lang);
    follow(at("tab-inbox"), GUIDE[lang].inbox);
  }
  draw(chats, words);
}

start();
