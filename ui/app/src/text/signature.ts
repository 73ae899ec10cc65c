// The hub puts a signature below a mail, behind the line that RFC 3676 gives it.

const SIGNATURE = '\n\n-- \n'

export function withoutSignature(text: string): string {
  const end = text.lastIndexOf(SIGNATURE)
  return end < 0 ? text : text.slice(0, end)
}

/** Whether a text is what somebody wrote, with or without a signature below it. */
export function isOfWords(text: string, words: string): boolean {
  return text.trim() === words.trim() || text.trim().startsWith(words.trim() + SIGNATURE)
}
