// The conversation as the visitor's side knows it: what the server has, what is still to be sent, and what is unread.
import type { Kept, Page } from "../bridge";
import { Outbox } from "./outbox";
import { type Frame, Socket, type SocketLike } from "./socket";

export type Author = { type: string; name?: string };
export type File = { name: string; size: number; url: string };
export type Message = {
  id: string;
  client_id?: string;
  text: string;
  author: Author;
  at: string;
  attachments?: File[];
};

// Line is one line of the thread as it is shown.
export type Line = {
  key: string;
  text: string;
  mine: boolean;
  author: string;
  at: number;
  state: "sent" | "waiting" | "failed" | "";
  files: File[];
};

export type View = {
  lines: Line[];
  link: "connecting" | "live" | "lost";
  typing: string | null; // the name of who is writing, "" when not known
  greeting: string;
  title: string;
  color: string;
  away: boolean;
  unread: number;
};

type Options = {
  kept: Kept;
  keep: (key: string, value: string | null) => void;
  dial: () => SocketLike;
  page: Page;
  identity: string;
  open: boolean;
  changed: () => void;
  emit: (name: string, detail: unknown) => void;
  now?: () => number;
};

const ACCEPT_WITHIN = 15_000;
const TYPING_EVERY = 3_000;
const TYPING_SHOWN = 5_000;
const LOST_AFTER = 1_500;
const TRIES = 5; // that the server may refuse for now, before the visitor is told
const AGAIN = ["try_again", "slow_down"];

export class Chat {
  private messages: Message[] = [];
  private readonly outbox: Outbox;
  private readonly socket: Socket;
  private token: string;
  private tokenKept: boolean;
  private live = false;
  private link: View["link"] = "connecting"; // what is shown; a short cut is not
  private lostTimer: ReturnType<typeof setTimeout> | undefined;
  private sending: string | null = null;
  private refused = 0;
  private sendTimer: ReturnType<typeof setTimeout> | undefined;
  private typing: string | null = null;
  private typingTimer: ReturnType<typeof setTimeout> | undefined;
  private typed = Number.NEGATIVE_INFINITY;
  private seen: number; // time of the newest answer looked at, kept across pages
  private readonly fresh = new Set<string>(); // answers that came since, also those that were written before it and sent late
  private open: boolean;
  private page: Page;
  private identity: string;
  private joined: Frame = { type: "" };

  constructor(private readonly o: Options) {
    this.outbox = new Outbox(o.kept, o.keep);
    this.token = o.kept.token ?? "";
    this.tokenKept = this.token !== "";
    this.seen = Number(o.kept.seen ?? 0);
    this.open = o.open;
    this.page = o.page;
    this.identity = o.identity;
    this.socket = new Socket({
      dial: o.dial,
      greet: () => ({ type: "join", visitor: this.token || null, page: this.page }),
      heard: (f) => this.hear(f),
      lost: () => this.lose(),
    });
    this.socket.connect();
  }

  view(): View {
    const known = new Set(this.messages.map((m) => m.client_id).filter(Boolean));
    const stored = this.messages.map((m) => line(m));
    const waiting = this.outbox
      .all()
      .filter((e) => !known.has(e.clientId))
      .map<Line>((e) => ({
        key: e.clientId,
        text: e.text,
        mine: true,
        author: "",
        at: e.at,
        state: e.failed ? "failed" : "waiting",
        files: [],
      }));
    return {
      lines: [...stored, ...waiting],
      link: this.link,
      typing: this.typing,
      greeting: text(this.joined.greeting),
      title: text(this.joined.title),
      color: text(this.joined.color),
      away: this.joined.open === false,
      unread: this.unseen().length,
    };
  }

  say(words: string) {
    const clean = words.trim();
    if (!clean) return;
    this.outbox.add(clean, this.now());
    this.o.changed();
    this.sendNext();
  }

  retry(clientId: string) {
    this.outbox.mark(clientId, false);
    this.o.changed();
    this.sendNext();
  }

  discard(clientId: string) {
    this.outbox.remove(clientId);
    this.o.changed();
  }

  writes() {
    if (this.now() - this.typed < TYPING_EVERY) return;
    this.typed = this.now();
    this.socket.send({ type: "typing" });
  }

  identify(token: string) {
    this.identity = token;
    if (token && this.live) this.socket.send({ type: "identify", token });
  }

  moved(page: Page) {
    this.page = page;
    this.socket.send({ type: "page", page });
  }

  setOpen(open: boolean) {
    this.open = open;
    if (open) this.look();
    this.o.changed();
  }

  hurry() {
    this.socket.hurry();
  }

  end() {
    clearTimeout(this.sendTimer);
    clearTimeout(this.typingTimer);
    this.socket.end();
    clearTimeout(this.lostTimer);
  }

  private now() {
    return (this.o.now ?? Date.now)();
  }

  private hear(f: Frame) {
    if (f.type === "joined") this.join(f);
    else if (f.type === "message") this.add(f as unknown as Message);
    else if (f.type === "accepted") this.accepted(text(f.client_id), text(f.id));
    else if (f.type === "typing") this.showTyping((f.author as Author | undefined)?.name ?? "");
    else if (f.type === "error") this.complain(f);
    else if (f.type === "identified") this.o.emit("identified", { name: f.name });
    this.o.changed();
  }

  private join(f: Frame) {
    clearTimeout(this.lostTimer);
    this.lostTimer = undefined;
    this.live = true;
    this.link = "live";
    this.joined = f;
    this.messages = f.messages as Message[];
    const before = this.token;
    this.token = text(f.visitor);
    if (this.tokenKept && this.token !== before) this.o.keep("token", this.token);
    if (this.identity) this.socket.send({ type: "identify", token: this.identity });
    for (const m of this.messages) if (m.client_id) this.outbox.remove(m.client_id);
    if (this.open) this.look();
    this.sending = null;
    this.sendNext();
  }

  private add(m: Message) {
    if (m.client_id) this.outbox.remove(m.client_id);
    if (this.messages.some((known) => known.id === m.id)) return;
    this.messages = [...this.messages, m];
    if (m.author.type === "contact") return;
    this.showTyping(null);
    this.fresh.add(m.id);
    if (this.open) this.look();
    this.o.emit("message", { id: m.id, text: m.text, author: m.author, at: m.at });
  }

  private accepted(clientId: string, id: string) {
    const entry = this.outbox.all().find((e) => e.clientId === clientId);
    if (entry) {
      this.outbox.remove(clientId);
      const at = new Date(entry.at).toISOString();
      this.add({ id, client_id: clientId, text: entry.text, author: { type: "contact" }, at });
    }
    if (this.sending === clientId) this.settle();
  }

  // settle ends the wait for one message's answer and sends the next.
  private settle() {
    clearTimeout(this.sendTimer);
    this.sending = null;
    this.refused = 0;
    this.sendNext();
  }

  private complain(f: Frame) {
    const clientId = text(f.client_id);
    if (f.code === "bad_identity") this.o.emit("error", { code: f.code, message: f.message });
    if (!clientId || clientId !== this.sending) return;
    if (AGAIN.includes(text(f.code)) && ++this.refused < TRIES) {
      clearTimeout(this.sendTimer);
      const pause = Math.max(Number(f.retry_after) || 1, 2 ** this.refused / 2) * 1000;
      this.sendTimer = setTimeout(() => {
        this.sending = null;
        this.sendNext();
      }, pause);
      return;
    }
    this.outbox.mark(clientId, true);
    this.settle();
  }

  // sendNext sends one message at a time, so that they are stored in the order in which they were written.
  private sendNext() {
    const entry = this.outbox.next();
    if (!entry || this.sending || !this.live) return;
    this.keepToken();
    if (!this.socket.send({ type: "message", client_id: entry.clientId, text: entry.text, page: this.page })) return;
    this.sending = entry.clientId;
    this.sendTimer = setTimeout(() => this.socket.renew(), ACCEPT_WITHIN);
  }

  // keepToken comes before the first message goes: were it lost, the repeated message would be another visitor's.
  private keepToken() {
    if (this.tokenKept) return;
    this.tokenKept = true;
    this.o.keep("token", this.token);
  }

  private lose() {
    clearTimeout(this.sendTimer);
    this.sending = null;
    this.live = false;
    this.showTyping(null);
    this.lostTimer ??= setTimeout(() => {
      this.link = "lost";
      this.o.changed();
    }, LOST_AFTER);
    this.o.changed();
  }

  private showTyping(name: string | null) {
    clearTimeout(this.typingTimer);
    this.typing = name;
    if (name === null) return;
    this.typingTimer = setTimeout(() => {
      this.typing = null;
      this.o.changed();
    }, TYPING_SHOWN);
  }

  private unseen(): Message[] {
    return this.messages.filter(
      (m) => m.author.type !== "contact" && (this.fresh.has(m.id) || Date.parse(m.at) > this.seen),
    );
  }

  // look marks all answers as read.
  private look() {
    const unseen = this.unseen();
    for (const m of unseen) this.socket.send({ type: "read", id: m.id });
    this.fresh.clear();
    const last = Math.max(this.seen, ...unseen.map((m) => Date.parse(m.at)));
    if (last === this.seen) return;
    this.seen = last;
    if (this.tokenKept) this.o.keep("seen", `${last}`);
  }
}

function line(m: Message): Line {
  const mine = m.author.type === "contact";
  return {
    key: m.client_id || m.id,
    text: m.text,
    mine,
    author: mine ? "" : (m.author.name ?? ""),
    at: Date.parse(m.at),
    state: mine ? "sent" : "",
    files: m.attachments ?? [],
  };
}

function text(v: unknown): string {
  return typeof v === "string" ? v : "";
}
