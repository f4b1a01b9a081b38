"use strict";
// The page's own words. What people and the bot say is theirs, and is never translated here.

const WORDS = {
  zh: {
    language: "English", who: "我现在是", chats: "消息", outage: "演练一次故障", fire: "触发示例故障", warn: "触发待判断告警", resolve: "全部告警恢复",
    send: "发送", message: "消息", bot: "机器人", members: (n) => `${n} 人`, only: "仅对你可见", pinned: "已 Pin", edited: "已编辑", urgent: "加急", ended: "群已解散",
    reply: "回复", recall: "撤回", answering: "回复：", say: (name) => `发送给 ${name}；@ 找人，/ 看命令`, empty: "还没有消息。", all: "所有人",
    choose: "请选择", required: "必填", cancel: "取消", confirm: "确定", waiting: "请求中…", refused: "机器人拒绝了告警", lost: "机器人没有回应", sent: "告警已送达",
    failed: (error) => `出错了，请稍后重试 code：${error}`, on: "机器人已连接", off: "机器人没有连上", gone: "页面连接断开，正在重连…", unknown: "这里画不出的内容：", changed: "卡片刚刚更新了，请再试一次",
    trouble: "让飞书出问题", normal: "恢复正常", now: (name, what) => `现在「${name}」：${what}`, seconds: "秒数",
    troubles: {
      slow: ["变慢", (n) => `每次调用慢 ${n} 秒`], refusing: ["连不上", () => "每次调用都被断开，什么也没做；长连接也断了"], silent: ["收下但不答", () => "收下每次调用，什么也不做，也不回答"],
      unavailable: ["服务不可用（503）", () => "每次调用都答 HTTP 503，code 2200"], ratelimited: ["限频（400）", (n) => `每次调用都答 HTTP 400，code 99991400，${n} 秒后再来`],
      masked: ["200 里的错误", () => "每次调用都答 HTTP 200，code 却是 99991400"], dropped: ["做完就断线", () => "改动都已生效，但连接在回答前断开"],
      redeliver: ["投递两次", () => "每个事件投递两次（卡片点击除外）"], halfopen: ["半开的长连接", () => "现有的长连接什么都不通，也不断开"],
      expired: ["令牌提前失效", () => "现有令牌已失效（99991663），须重取"],
    },
  },
  en: {
    language: "中文", who: "I am", chats: "Chats", outage: "Try an incident", fire: "Fire the sample outage", warn: "Fire an alert to judge", resolve: "Resolve all alerts",
    send: "Send", message: "Message", bot: "Bot", members: (n) => `${n} people`, only: "Only visible to you", pinned: "Pinned", edited: "Edited", urgent: "Buzz", ended: "disbanded",
    reply: "Reply", recall: "Recall", answering: "Replying to: ", say: (name) => `Message ${name}; @ for people, / for commands`, empty: "Nothing here yet.", all: "all",
    choose: "Choose", required: "required", cancel: "Cancel", confirm: "OK", waiting: "Requesting…", refused: "The bot refused the alerts", lost: "The bot did not answer", sent: "Alerts delivered",
    failed: (error) => `Something went wrong, try again later. code: ${error}`, on: "bot connected", off: "bot not connected", gone: "page disconnected, trying again…", unknown: "Cannot draw: ", changed: "The card has just changed; please try again",
    trouble: "Let Feishu misbehave", normal: "Back to normal", now: (name, what) => `Now: ${name} – ${what}`, seconds: "seconds",
    troubles: {
      slow: ["Slow", (n) => `every call takes ${n} s longer`], refusing: ["Out of reach", () => "every call is cut off and does nothing; long connections end too"], silent: ["Accepted, silent", () => "every call is taken, does nothing and is never answered"],
      unavailable: ["Unavailable (503)", () => "every call is answered HTTP 503, code 2200"], ratelimited: ["Rate limit (400)", (n) => `every call is answered HTTP 400, code 99991400, wait ${n} s`],
      masked: ["Error inside a 200", () => "every call is answered HTTP 200, yet with code 99991400"], dropped: ["Done, then cut", () => "every change is made, and the connection ends before the answer"],
      redeliver: ["Delivered twice", () => "every event comes twice, except clicks on cards"], halfopen: ["Half-open connection", () => "nothing passes the present long connections, and they do not end"],
      expired: ["Expired token", () => "the present tokens have ended (99991663); a new one must be fetched"],
    },
  },
};
