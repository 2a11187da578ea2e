// 中文：发给护士设备的指令及其送达情况。花括号里是数值。

export const zhTell = {
  "tell.title": "护士的设备",
  "tell.locate": "立即定位",
  "tell.message": "发消息",
  "tell.words": "发到她手机的消息",
  "tell.placeholder": "她将看到的内容",
  "tell.send": "发送",
  "tell.quiet": "不能发消息：这是静默报警，手机响声可能暴露她。",
  "tell.line": "{at} {what}：{state}",
  "tell.line_by": "{at} {what}：{state}（{by}）",
  "tell.refused": "未发送：{detail}",
  "tell.unreachable": "未发送：无法连接服务器。",

  "down.locate": "定位",
  "down.message": "消息",
  "down.configure": "上报间隔",
  "down.resend": "补传",

  "delivery.queued": "等待设备上线",
  "delivery.sending": "正在发送",
  "delivery.sent": "已发出，未确认",
  "delivery.accepted": "已送出",
  "delivery.fetched": "设备已取走",
  "delivery.answered": "{at} 已回应",
  "delivery.expired": "已过期",
  "delivery.refused": "该设备不支持",
};
