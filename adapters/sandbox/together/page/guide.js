"use strict";
// The way of one incident, step by step. What the bot's own webhooks and mails show to be done is ticked; the rest by hand.

const STEPS = {
  zh: [
    ["告警", "左栏点红色按钮，触发示例故障。机器人自己拉群，群里置顶状态卡片：待确认。", "declared"],
    ["声明", "扮演张三，在卡片上点「确认故障」。值班的人和负责人马上被叫到。（没有告警也行：打字「声明 P1 支付失败」。）", "confirmed"],
    ["签到", "扮演李四，点「我来指挥」；扮演王五，打字「到」。谁不答，一分钟后逐级加急：群里点名、私聊、短信、电话——短信和电话在「收件箱」。", ""],
    ["进展", "打字「影响 支付服务 成功率 61%」；李四点「发进展」。张三打字「定位 网关超时」。", ""],
    ["通告", "李四打字「通告 首报 管理层」，先看预览，再发送。邮件和短信到「收件箱」；也试试 客服、全员、外部。", "mail"],
    ["恢复", "左栏让告警全部恢复，李四在卡片上点「已恢复」。观察一分钟，没有反复就转到待复盘。", "recovered"],
    ["复盘", "张三私聊里收到复盘卡片：点「填写」；或私聊打字「复盘」拿网页，几个人可以同时写。写齐了发「复盘 提交」，王五「通过」，张三「发布」。", "reviewing"],
    ["改进", "打字「改进 发布加灰度 @王五 下周五 验收：演练记录 验收人 @李四」；王五接受，打字「完成 1 链接」，李四通过。最后关闭，打字「统计」。", "closed"],
  ],
  en: [
    ["Alert", "Press the red button on the left. The bot opens a room with a pinned status card: to be confirmed.", "declared"],
    ["Declare", "As Zhang San, press “Confirm” on the card. Who is on call and who owns the service is called at once. (Without an alert: type “declare P1 payment failures”.)", "confirmed"],
    ["Roll-call", "As Li Si, press “Take command”; as Wang Wu, type “here”. Who does not answer is called harder after a minute: in the room, directly, by SMS, by phone. Those arrive in the inbox.", ""],
    ["Updates", "Type “impact payments 61% succeed”; as Li Si, press “Update”. As Zhang San, type “located gateway timeouts”.", ""],
    ["Announce", "As Li Si, type “announce first execs”, read the preview, then send. Mail and SMS arrive in the inbox. Try support, all and external, too.", "mail"],
    ["Recover", "Let the alerts resolve by the button on the left, then press “Recovered” on the card as Li Si. A minute later, if nothing comes back, the review is due.", "recovered"],
    ["Postmortem", "Zhang San gets a card directly: press “Write”, or type “postmortem” there for a web page that several can write at once. When nothing is missing, type “postmortem submit”; Wang Wu approves, Zhang San publishes.", "reviewing"],
    ["Items", "Type “action add a canary @wang next Friday acceptance: drill record verifier @li”; Wang Wu accepts and types “done 1 link”, Li Si accepts that. Close it at last, and type “stats”.", "closed"],
  ],
};
const GUIDE = {
  zh: { title: "走一遍一个故障", open: "引导", inbox: "收件箱", later: "所有等待在这里都缩短了；真实的默认值见 config.example.yaml。" },
  en: { title: "One incident, step by step", open: "Guide", inbox: "Inbox", later: "All waits are short here; the real defaults are in config.example.yaml." },
};

function kept(key) { try { return localStorage.getItem("warroom." + key); } catch { return null; } }
function keep(key, value) { try { localStorage.setItem("warroom." + key, value); } catch { /* a private window keeps nothing */ } }

function guide(lang) {
  const words = GUIDE[lang];
  const panel = at("guide");
  const button = at("lead");
  at("guide-title").textContent = words.title;
  at("later").textContent = words.later;
  at("steps").replaceChildren(...STEPS[lang].map(([title, text, sign], n) => {
    const line = document.createElement("li");
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.dataset.sign = sign;
    const name = document.createElement("strong");
    name.textContent = `${n + 1} ${title}`;
    label.append(box, name);
    const say = document.createElement("p");
    say.textContent = text;
    line.append(label, say);
    return line;
  }));
  const show = (on) => {
    panel.hidden = !on;
    button.setAttribute("aria-expanded", String(on));
    keep("guide", on ? "open" : "shut");
  };
  button.hidden = false;
  button.textContent = words.open;
  button.addEventListener("click", () => show(panel.hidden));
  show(kept("guide") ? kept("guide") === "open" : innerWidth >= 1200);
}

function follow(tab, title) {
  let read = 0;
  let newest = 0;
  const count = () => {
    if (tab.getAttribute("aria-selected") === "true") read = newest;
    tab.textContent = newest > read ? `${title} ${newest - read}` : title;
  };
  tab.addEventListener("click", count);
  new EventSource("/inbox/events").addEventListener("message", (event) => {
    const items = JSON.parse(event.data).items;
    newest = items.length;
    count();
    const signs = new Set(items.map((item) => (item.kind === "mail" ? "mail" : item.change)));
    for (const box of document.querySelectorAll("#steps input")) if (signs.has(box.dataset.sign)) box.checked = true;
  });
}
