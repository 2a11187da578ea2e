// English for what a nurse's devices are told, and what became of it. Values stand in {braces}.

export const enTell = {
  "tell.title": "Her device",
  "tell.locate": "Locate now",
  "tell.message": "Message",
  "tell.words": "Message to her phone",
  "tell.placeholder": "What she is to read",
  "tell.send": "Send",
  "tell.quiet": "No message: the alarm is silent, and her phone might be heard.",
  "tell.line": "{at} {what}: {state}",
  "tell.line_by": "{at} {what}: {state} ({by})",
  "tell.refused": "Not sent: {detail}",
  "tell.unreachable": "Not sent: the server cannot be reached.",

  "down.locate": "locate",
  "down.message": "message",
  "down.configure": "report interval",
  "down.resend": "lost reports",

  "delivery.queued": "waits for the device",
  "delivery.sending": "being sent",
  "delivery.sent": "sent, not confirmed",
  "delivery.accepted": "on its way",
  "delivery.fetched": "fetched by the device",
  "delivery.answered": "answered at {at}",
  "delivery.expired": "expired",
  "delivery.refused": "the device cannot be told this",
};
