// What the agent has had before their eyes, per conversation: the position of the newest message that stood on the
// screen for a second. The reply guard compares it with what the hub holds.

const seen = new Map<string, number>()

export function noteSeen(conversation: string, seq: number) {
  if (seq > (seen.get(conversation) ?? 0)) seen.set(conversation, seq)
}

export function seenSeq(conversation: string): number | undefined {
  return seen.get(conversation)
}
