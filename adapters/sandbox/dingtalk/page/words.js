"use strict";
// The page's own words. What the bot says comes from the bot.

const WORDS = {
  zh: {
    tagline: "沙盒 · 钉钉替身", language: "English", who: "扮演谁", chats: "会话", outage: "示例故障", fire: "支付故障", warn: "搜索变慢",
    resolve: "全部恢复", trouble: "捣乱", normal: "恢复正常", message: "消息", send: "发送", bring: "添加机器人", close: "关闭", cancel: "取消", yes: "确定",
    members: "人", membersTitle: "群成员", toBot: "发消息给机器人", toGroup: (name) => `发消息到「${name}」，@机器人它才听得到`, ended: "群已解散", robot: "机器人",
    scene: "场景群", plain: "普通群", outsider: "机器人不在群里", empty: "还没有消息", only: "仅自己可见", connected: (n) => `机器人已连接 ${n} 条`, off: "机器人未连接",
    calls: (c) => `本月接口调用 ${c.used} / ${c.monthly}`, sent: "告警已发出", warned: "告警已发出", over: "恢复已发出", refused: "机器人没有接受", lost: "没有连上",
    missing: (names) => `还没填：${names.join("、")}`, failed: (why) => `没有成功：${REASONS.zh[why] ?? why}`, read: "知道了", top: "吊顶",
    ding: { 1: "应用内 DING", 2: "短信 DING", 3: "电话 DING" }, choose: "请选择", submit: "提交", mention: "有人@我",
    chipsGroup: ["帮助", "现状", "声明 P1 ", "进展 "], chipsBot: ["帮助", "现状", "声明 P1 支付失败"],
    troubles: {
      slow: ["接口变慢", "每次调用慢这么多秒"], unavailable: ["接口报错", "每次调用都答 500"], ratelimited: ["限流", "每次调用都答 403"],
      silent: ["石沉大海", "收下调用，不回答"], dropped: ["做了但断线", "改动生效后连接断开"], redeliver: ["重复投递", "每样东西投递三遍"],
      halfopen: ["连接半开", "连接不通，也不断开"], zombie: ["僵尸连接", "回应心跳，不推消息"], expired: ["令牌失效", "现用令牌立刻失效一次"],
      spent: ["额度用尽", "本月调用次数已用完"],
    },
  },
  en: {
    tagline: "sandbox · DingTalk stand-in", language: "中文", who: "Play", chats: "Chats", outage: "Sample outage", fire: "Payments fail", warn: "Search is slow",
    resolve: "All resolved", trouble: "Trouble", normal: "Back to normal", message: "Message", send: "Send", bring: "Add the bot", close: "Close", cancel: "Cancel", yes: "OK",
    members: "people", membersTitle: "Members", toBot: "Message the bot", toGroup: (name) => `Message “${name}”; the bot hears only what has @its name`, ended: "This group was disbanded",
    robot: "Bot", scene: "scene group", plain: "plain group", outsider: "the bot is not inside", empty: "No messages yet", only: "Only you see this",
    connected: (n) => `bot connected (${n})`, off: "bot not connected", calls: (c) => `calls this month ${c.used} / ${c.monthly}`, sent: "Alert sent", warned: "Alert sent", over: "Resolution sent",
    refused: "The bot did not take it", lost: "No connection", missing: (names) => `Still empty: ${names.join(", ")}`, failed: (why) => `That failed: ${REASONS.en[why] ?? why}`, read: "Got it", top: "top box",
    ding: { 1: "DING in the app", 2: "DING by SMS", 3: "DING by phone" }, choose: "Choose", submit: "Submit", mention: "mentions you",
    chipsGroup: ["help", "brief", "declare P1 ", "update "], chipsBot: ["help", "brief", "declare P1 payments fail"],
    troubles: {
      slow: ["Slow", "every call takes that many seconds more"], unavailable: ["Errors", "every call is answered 500"], ratelimited: ["Rate limit", "every call is answered 403"],
      silent: ["Silence", "calls are taken and not answered"], dropped: ["Done, then cut", "a change is applied, then the connection ends"], redeliver: ["Delivered thrice", "everything comes three times"],
      halfopen: ["Half-open", "the connection is dead and stays"], zombie: ["Zombie", "pings are answered, nothing is pushed"], expired: ["Token ends", "the present token ends once"],
      spent: ["Quota spent", "the month's calls are used up"],
    },
  },
};
const REASONS = {
  zh: { timeout: "机器人 2 秒内没有回应", nobody: "机器人没有连接", gone: "连接断了" },
  en: { timeout: "the bot did not answer in 2 s", nobody: "the bot is not connected", gone: "the connection went" },
};
