// What the visitor wrote and the server has not said it stored. Each entry is kept under a key of its own, so that two tabs
// do not overwrite each other; sending an entry twice is harmless, the server knows it by its client_id.
import type { Kept } from "../bridge";

export type Entry = { clientId: string; text: string; at: number; failed?: boolean };

const PREFIX = "out:";

export class Outbox {
  private entries: Entry[];

  constructor(
    kept: Kept,
    private readonly keep: (key: string, value: string | null) => void,
  ) {
    this.entries = Object.keys(kept)
      .filter((key) => key.startsWith(PREFIX))
      .map((key) => parse(kept[key] as string))
      .filter((e): e is Entry => e !== undefined)
      .sort((a, b) => a.at - b.at);
  }

  all(): readonly Entry[] {
    return this.entries;
  }

  // next is the oldest entry that is to be sent.
  next(): Entry | undefined {
    return this.entries.find((e) => !e.failed);
  }

  add(text: string, at: number): Entry {
    const last = this.entries.at(-1)?.at ?? 0;
    const entry = { clientId: crypto.randomUUID(), text, at: Math.max(at, last + 1) };
    this.write([...this.entries, entry], entry);
    return entry;
  }

  remove(clientId: string) {
    this.entries = this.entries.filter((e) => e.clientId !== clientId);
    this.keep(PREFIX + clientId, null);
  }

  mark(clientId: string, failed: boolean) {
    const marked = this.entries.map((e) => (e.clientId === clientId ? { ...e, failed } : e));
    const entry = marked.find((e) => e.clientId === clientId);
    if (entry) this.write(marked, entry);
  }

  private write(entries: Entry[], changed: Entry) {
    this.entries = entries;
    this.keep(PREFIX + changed.clientId, JSON.stringify(changed));
  }
}

function parse(value: string): Entry | undefined {
  try {
    const e = JSON.parse(value) as Entry;
    return typeof e.clientId === "string" && typeof e.text === "string" && typeof e.at === "number" ? e : undefined;
  } catch {
    return undefined;
  }
}
