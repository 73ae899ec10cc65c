import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Chat, type Line } from "./chat";
import type { Frame, SocketLike } from "./socket";

// Hub is a server in memory: it stores a visitor's message once for each client_id, and can lose answers or refuse.
class Hub {
  stored = new Map<string, { id: string; client_id: string; text: string; author: { type: string }; at: string }>();
  order: string[] = [];
  answers: Frame[] = [];
  reads: string[] = [];
  frames: Frame[] = [];
  online = true;
  loseAnswers = false;
  refuse = "";
  private live: Line_[] = [];

  dial = (): SocketLike => {
    const line = new Line_(this);
    queueMicrotask(() => (this.online ? line.opens() : line.breaks()));
    return line;
  };

  joins(line: Line_) {
    this.live.push(line);
    const messages = [...this.stored.values(), ...this.answers].sort((a, b) =>
      (a.at as string) < (b.at as string) ? -1 : 1,
    );
    line.says({ type: "joined", visitor: "TOKEN", messages });
  }

  takes(line: Line_, f: Frame) {
    this.frames.push(f);
    if (f.type === "join") this.joins(line);
    if (f.type === "read") this.reads.push(f.id as string);
    if (f.type !== "message") return;
    const clientId = f.client_id as string;
    if (this.refuse) {
      line.says({ type: "error", client_id: clientId, code: this.refuse, message: "no", retry_after: 1 });
      return;
    }
    if (!this.stored.has(clientId)) {
      this.order.push(f.text as string);
      const id = `m${this.stored.size + 1}`;
      const at = new Date().toISOString();
      this.stored.set(clientId, { id, client_id: clientId, text: f.text as string, author: { type: "contact" }, at });
    }
    if (!this.loseAnswers) line.says({ type: "accepted", client_id: clientId, id: this.stored.get(clientId)?.id });
  }

  answer(id: string, text: string, at = new Date().toISOString()) {
    const f = { type: "message", id, text, author: { type: "user", name: "Ada" }, at };
    this.answers.push(f);
    for (const line of this.live) line.says(f);
  }

  says(f: Frame) {
    for (const line of this.live) line.says(f);
  }

  cut() {
    for (const line of this.live.splice(0)) line.breaks();
  }
}

class Line_ implements SocketLike {
  readyState: 0 | 1 | 2 | 3 = 0;
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((e: { data: string }) => void) | null = null;
  constructor(private readonly hub: Hub) {}
  send(data: string) {
    this.hub.takes(this, JSON.parse(data));
  }
  close() {
    this.readyState = 3;
  }
  opens() {
    this.readyState = 1;
    this.onopen?.();
  }
  breaks() {
    this.readyState = 3;
    this.onclose?.();
  }
  says(f: Frame) {
    queueMicrotask(() => this.readyState === 1 && this.onmessage?.({ data: JSON.stringify(f) }));
  }
}

let hub: Hub;
let storage: Record<string, string>;
let events: string[];
const page = { url: "https://shop.test/", title: "Shop", referrer: "" };

// load is the panel on a freshly loaded page, with what the site's storage holds.
function load(open = true, identity = "") {
  return new Chat({
    kept: { ...storage },
    keep: (key, value) => {
      if (value === null) delete storage[key];
      else storage[key] = value;
    },
    dial: hub.dial,
    page,
    identity,
    open,
    changed: () => {},
    emit: (name) => events.push(name),
  });
}

const settle = (ms = 0) => vi.advanceTimersByTimeAsync(ms);
const lines = (c: Chat) => c.view().lines.map((l: Line) => `${l.state}:${l.text}`);

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse("2026-11-21T10:00:00Z") });
  hub = new Hub();
  storage = {};
  events = [];
});
afterEach(() => void vi.useRealTimers());

test("a message is waiting, then sent, and shown once", async () => {
  const c = load();
  c.say("  hello ");
  expect(lines(c)).toEqual(["waiting:hello"]);
  await settle();
  expect(lines(c)).toEqual(["sent:hello"]);
  expect(hub.order).toEqual(["hello"]);
  expect(Object.keys(storage)).toEqual(["token"]);
});

test("nothing is kept on the website before somebody writes", async () => {
  const c = load();
  await settle();
  hub.answer("a1", "Can I help?");
  await settle();
  c.setOpen(true);
  expect(storage).toEqual({});
});

test("what was written offline survives a reload and arrives once, in order", async () => {
  hub.online = false;
  const before = load();
  for (const text of ["one", "two", "three"]) before.say(text);
  await settle(2000);
  expect(lines(before)).toEqual(["waiting:one", "waiting:two", "waiting:three"]);
  before.end();

  const after = load();
  expect(lines(after)).toEqual(["waiting:one", "waiting:two", "waiting:three"]);
  hub.online = true;
  await settle(60_000);
  expect(hub.order).toEqual(["one", "two", "three"]);
  expect(lines(after)).toEqual(["sent:one", "sent:two", "sent:three"]);
  expect(Object.keys(storage).filter((k) => k.startsWith("out:"))).toEqual([]);
});

test("a message whose answer was lost is stored once, and shown once while it is unsure", async () => {
  hub.loseAnswers = true;
  const before = load();
  before.say("hello");
  await settle();
  expect(hub.order).toEqual(["hello"]);
  expect(lines(before)).toEqual(["waiting:hello"]);
  before.end();

  hub.loseAnswers = false;
  const after = load();
  await settle();
  expect(lines(after)).toEqual(["sent:hello"]);
  after.say("again");
  await settle();
  expect(hub.order).toEqual(["hello", "again"]);
});

test("the token is kept before the first message goes, or its repetition would be another visitor's", async () => {
  hub.loseAnswers = true;
  load().say("hello");
  await settle();
  expect(storage.token).toBe("TOKEN");
});

test("two tabs that hold the same unsent message store it once", async () => {
  hub.online = false;
  load().say("hello");
  const one = load();
  const two = load();
  hub.online = true;
  await settle(60_000);
  expect(hub.order).toEqual(["hello"]);
  expect([lines(one), lines(two)]).toEqual([["sent:hello"], ["sent:hello"]]);
});

test("cuts in the middle lose nothing and repeat nothing", async () => {
  const c = load();
  await settle();
  for (let i = 0; i < 20; i++) {
    hub.loseAnswers = i % 3 === 0;
    c.say(`m${i}`);
    if (i % 4 === 0) hub.cut();
    await settle(i % 2 ? 400 : 0);
  }
  hub.loseAnswers = false;
  hub.cut();
  await settle(120_000);
  expect(hub.order).toEqual(Array.from({ length: 20 }, (_, i) => `m${i}`));
  expect(lines(c)).toEqual(hub.order.map((t) => `sent:${t}`));
});

test("a refusal for now is tried again by itself, and then put to the visitor", async () => {
  hub.refuse = "try_again";
  const c = load();
  c.say("hello");
  await settle(3000);
  expect(lines(c)).toEqual(["waiting:hello"]);
  await settle(120_000);
  expect(lines(c)).toEqual(["failed:hello"]);
  hub.refuse = "";
  c.retry(c.view().lines[0]?.key as string);
  await settle();
  expect(lines(c)).toEqual(["sent:hello"]);
});

test("a refusal for good stays with its retry, also after a reload, and the next message passes", async () => {
  hub.refuse = "too_long";
  const c = load();
  c.say("long");
  await settle();
  hub.refuse = "";
  c.say("short");
  await settle();
  expect(lines(c)).toEqual(["sent:short", "failed:long"]);
  c.end();
  const after = load();
  await settle(60_000);
  expect(lines(after)).toEqual(["sent:short", "failed:long"]);
  after.discard(after.view().lines[1]?.key as string);
  expect(lines(after)).toEqual(["sent:short"]);
  expect(hub.order).toEqual(["short"]);
});

test("a server that never answers is left for another connection", async () => {
  hub.loseAnswers = true;
  const c = load();
  c.say("hello");
  await settle(10_000);
  hub.loseAnswers = false;
  await settle(10_000);
  expect(lines(c)).toEqual(["sent:hello"]);
  expect(hub.order).toEqual(["hello"]);
});

test("answers come once, count as unread while closed, and are marked read when looked at", async () => {
  const c = load(false);
  c.say("hello");
  await settle(1000);
  hub.answer("a1", "Hi");
  hub.answer("a2", "How can I help?");
  await settle(1000);
  hub.cut();
  await settle(1000);
  expect(lines(c)).toEqual(["sent:hello", ":Hi", ":How can I help?"]);
  expect(c.view().unread).toBe(2);
  expect(hub.reads).toEqual([]);
  c.setOpen(true);
  expect(c.view().unread).toBe(0);
  expect(hub.reads).toEqual(["a1", "a2"]);
  expect(events).toEqual(["message", "message"]);
  c.end();

  const after = load(false);
  await settle();
  expect(after.view().unread).toBe(0);
  hub.answer("a3", "Still there?");
  await settle();
  expect(after.view().unread).toBe(1);
});

test("an answer that was held back and came after a later one is unread all the same", async () => {
  const c = load();
  await settle(1000);
  hub.answer("a2", "second");
  await settle();
  c.setOpen(false);
  hub.answer("a1", "first, sent late", "2026-11-21T10:00:00.000Z");
  await settle();
  expect(c.view().unread).toBe(1);
  c.setOpen(true);
  expect(hub.reads).toEqual(["a2", "a1"]);
});

test("one message is under way at a time, and it is not sent again while its answer is awaited", async () => {
  hub.loseAnswers = true;
  const c = load();
  await settle();
  for (const text of ["one", "two", "three"]) c.say(text);
  await settle(1000);
  expect(hub.frames.filter((f) => f.type === "message").map((f) => f.text)).toEqual(["one"]);
});

test("an answer that comes twice is shown, told and counted once", async () => {
  const c = load(false);
  await settle();
  hub.answer("a1", "Hi");
  hub.says(hub.answers[0] as Frame);
  await settle();
  expect([lines(c), c.view().unread, events]).toEqual([[":Hi"], 1, ["message"]]);
});

test("a short cut is not shown, a long one is until it is over", async () => {
  const c = load();
  await settle();
  hub.cut();
  await settle(1000);
  expect(c.view().link).toBe("live");
  hub.online = false;
  hub.cut();
  await settle(2000);
  expect(c.view().link).toBe("lost");
  hub.online = true;
  await settle(10_000);
  expect(c.view().link).toBe("live");
});

test("typing is shown until it stops or the message is there", async () => {
  const c = load();
  await settle();
  hub.says({ type: "typing", author: { type: "user", name: "Ada" } });
  await settle();
  expect(c.view().typing).toBe("Ada");
  await settle(5000);
  expect(c.view().typing).toBe(null);
  hub.says({ type: "typing", author: { type: "user", name: "Ada" } });
  hub.answer("a1", "Hi");
  await settle();
  expect(c.view().typing).toBe(null);
});

test("the visitor's own typing is told at most every three seconds", async () => {
  const c = load();
  await settle();
  for (let i = 0; i < 10; i++) {
    c.writes();
    await settle(500);
  }
  expect(hub.frames.filter((f) => f.type === "typing").length).toBe(2);
});

test("the identity is told before what was waiting, on each connection", async () => {
  hub.online = false;
  load().say("hello");
  load(true, "JWT");
  hub.online = true;
  await settle(60_000);
  const types = hub.frames.map((f) => f.type);
  expect(types.indexOf("identify")).toBeGreaterThan(-1);
  hub.frames = [];
  hub.cut();
  await settle(1000);
  expect(hub.frames.map((f) => f.type)).toContain("identify");
});

test("a storage with rubbish in it does no harm", async () => {
  storage = { "out:1": "{", "out:2": "null", "out:3": '{"text":5}', seen: "x" };
  const c = load();
  c.say("hello");
  await settle();
  expect(lines(c)).toEqual(["sent:hello"]);
});
