"use strict";
// The page's own words. What people and the bot say is theirs, and is never translated here.

const WORDS = {
  zh: {
    language: "English", who: "我现在是", chats: "消息", outage: "演练一次故障", fire: "触发示例故障", warn: "触发待判断告警", resolve: "全部告警恢复",
    send: "发送", message: "消息", bot: "机器人", members: (n) => `${n} 人`, only: "仅对你可见", pinned: "已 Pin", edited: "已编辑", urgent: "加急", ended: "群已解散",
    reply: "回复", recall: "撤回", answering: "回复：", say: (name) => `发送给 ${name}；@ 找人，/ 看命令`, empty: "还没有消息。", all: "所有人",
    choose: "请选择", required: "必填", cancel: "取消", confirm: "确定", waiting: "请求中…", refused: "机器人拒绝了告警", lost: "机器人没有回应", sent: "告警已送达",
    failed: (error) => `出错了，请稍后重试 code：${error}`, on: "机器人已连接", off: "机器人没有连上", gone: "页面连接断开，正在重连…", unknown: "这里画不出的内容：", changed: "卡片刚刚更新了，请再试一次",
  },
  en: {
    language: "中文", who: "I am", chats: "Chats", outage: "Try an incident", fire: "Fire the sample outage", warn: "Fire an alert to judge", resolve: "Resolve all alerts",
    send: "Send", message: "Message", bot: "Bot", members: (n) => `${n} people`, only: "Only visible to you", pinned: "Pinned", edited: "Edited", urgent: "Buzz", ended: "disbanded",
    reply: "Reply", recall: "Recall", answering: "Replying to: ", say: (name) => `Message ${name}; @ for people, / for commands`, empty: "Nothing here yet.", all: "all",
    choose: "Choose", required: "required", cancel: "Cancel", confirm: "OK", waiting: "Requesting…", refused: "The bot refused the alerts", lost: "The bot did not answer", sent: "Alerts delivered",
    failed: (error) => `Something went wrong, try again later. code: ${error}`, on: "bot connected", off: "bot not connected", gone: "page disconnected, trying again…", unknown: "Cannot draw: ", changed: "The card has just changed; please try again",
  },
};
