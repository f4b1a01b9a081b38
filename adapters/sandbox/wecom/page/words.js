"use strict";
// The page's own words. What people, the app and the bot say is theirs, and is never translated here.

const WORDS = {
  zh: {
    language: "English", company: "企业微信", tagline: "沙盒：一个人扮演所有人", skip: "跳到输入框", who: "我现在是", chats: "消息", gather: "＋ 建一个群", gatherName: "群名",
    outage: "演练一次故障", fire: "触发示例故障", warn: "触发待判断告警", resolve: "全部告警恢复", sent: "告警已送达，看看 incidents 群和新群", warned: "告警已送达，看看 alerts 群", over: "恢复已送达",
    lost: "没有回应", refused: "告警被拒绝", trouble: "让企业微信出点问题", send: "发送", message: "消息", members: "人", membersTitle: "群成员", close: "关闭", normal: "恢复正常", seconds: "秒", now: "现在：",
    app: "应用", robot: "机器人", me: "我", at: "＠机器人", quote: "引用", quoting: "引用：", choose: "请选择",
    addBot: "＋ 把机器人加进群", removeBot: "移出机器人", pushOnly: "应用建的群：这里说什么，应用都听不到。把机器人加进来，再 @ 它。", noBot: "机器人不在这个群里。", hears: (name) => `机器人只听得到 @${name} 的话，和对它的引用。`,
    noteApp: "自建应用：直接输入命令，例如“现状”。", noteBot: "智能机器人单聊：直接输入命令。", unheard: "没有人听到这句话", actFailed: (why) => `没有送到：${why}`,
    rings: "紧急通知：语音来电", take: "接听", decline: "拒接", on: "已连接", off: "没有连上", gone: "页面连接断开，正在重连…", linkApp: "应用回调", linkBot: "机器人长连接",
    keys: "回车发送，Shift+回车换行，Alt+↑↓ 换会话，Alt+1…9 换人", toChat: "发消息", menu: "更多操作", empty: "还没有消息。",
    chipsApp: ["帮助", "列表", "现状", "声明 P2 支付服务 "], chipsBot: ["帮助", "列表", "现状"], chipsRoom: ["现状", "进展 ", "记录 决策 ", "指挥 @", "时间线", "帮助"],
    troubles: {
      slow: ["变慢", (n) => `每次调用慢 ${n} 秒`], busy: ["系统繁忙（-1）", () => "每次调用都答 -1 系统繁忙"], ratelimited: ["限频（45009）", () => "每次调用都答 45009 接口调用超过限制"],
      silent: ["收下但不答", () => "收下每次调用，什么也不做，也不回答"], dropped: ["做完就断线", () => "每次改动都已生效，但连接在回答前断开"], redeliver: ["重复投递", () => "人们的每个动作都投递三次"],
      halfopen: ["半开的长连接", () => "机器人现有的长连接半开：什么都送不到，也不断开"], untrusted: ["IP 不可信（60020）", () => "每次调用都答 60020：不在企业可信 IP 里"], expired: ["令牌提前失效", () => "所有 access_token 已提前失效（42001），要重新取"],
    },
  },
  en: {
    language: "中文", company: "WeCom", tagline: "Sandbox: play everybody", skip: "Skip to the message box", who: "I am", chats: "Chats", gather: "＋ New group", gatherName: "Name of the group",
    outage: "Try an incident", fire: "Fire the sample outage", warn: "Fire an alert to judge", resolve: "Resolve all alerts", sent: "Alerts delivered; look at incidents and the new group", warned: "Alert delivered; look at alerts", over: "Resolution delivered",
    lost: "No answer", refused: "The alerts were refused", trouble: "Let WeCom misbehave", send: "Send", message: "Message", members: "people", membersTitle: "People in this group", close: "Close", normal: "Back to normal", seconds: "s", now: "Now: ",
    app: "APP", robot: "BOT", me: "me", at: "＠bot", quote: "Quote", quoting: "Quoting: ", choose: "Choose",
    addBot: "＋ Add the bot", removeBot: "Remove the bot", pushOnly: "Made by the app, which hears nothing here. Add the bot, then @ it.", noBot: "The bot is not in this group.", hears: (name) => `The bot hears only what says @${name} or quotes it.`,
    noteApp: "The self-built app: just type a command, such as “brief”.", noteBot: "The intelligent bot: just type a command.", unheard: "Nobody heard that", actFailed: (why) => `Not delivered: ${why}`,
    rings: "Emergency notice: a phone call", take: "Take it", decline: "Decline", on: "connected", off: "not connected", gone: "page disconnected, trying again…", linkApp: "App's callback", linkBot: "bot's connection",
    keys: "Enter sends, Shift+Enter breaks the line, Alt+↑↓ changes chat, Alt+1…9 person", toChat: "Message", menu: "More", empty: "Nothing here yet.",
    chipsApp: ["help", "list", "brief", "declare P2 payments "], chipsBot: ["help", "list", "brief"], chipsRoom: ["brief", "update ", "note decision ", "commander @", "timeline", "help"],
    troubles: {
      slow: ["Slow", (n) => `Every call takes ${n} s longer`], busy: ["Busy (-1)", () => "Every call is answered -1, system busy"], ratelimited: ["Throttled (45009)", () => "Every call is answered 45009"],
      silent: ["Accepted, silent", () => "Every call is taken, does nothing and is never answered"], dropped: ["Done, then cut", () => "Every change is made, and the connection ends before the answer"], redeliver: ["Redelivery", () => "Everything that people do is delivered three times"],
      halfopen: ["Half-open connection", () => "The bot's connection is half open: nothing arrives, and it does not end"], untrusted: ["IP not trusted (60020)", () => "Every call is answered 60020"], expired: ["Tokens end early", () => "All access tokens have ended early (42001)"],
    },
  },
};
