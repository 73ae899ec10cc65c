import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Frame, Socket, type SocketLike, wait } from "./socket";

class Wire implements SocketLike {
  readyState: 0 | 1 | 2 | 3 = 0;
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((e: { data: string }) => void) | null = null;
  sent: Frame[] = [];
  send(data: string) {
    this.sent.push(JSON.parse(data));
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
  hears(f: Frame) {
    this.onmessage?.({ data: JSON.stringify(f) });
  }
}

let wires: Wire[];
let heard: string[];
let cuts: number;

function make(random = () => 0) {
  wires = [];
  heard = [];
  cuts = 0;
  const socket = new Socket({
    dial: () => {
      const w = new Wire();
      wires.push(w);
      return w;
    },
    greet: () => ({ type: "join", visitor: null }),
    heard: (f) => heard.push(f.type),
    lost: () => cuts++,
    random,
  });
  socket.connect();
  return socket;
}

const wire = () => wires.at(-1) as Wire;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("the wait doubles from half a second to half a minute, half of it at random", () => {
  const none = () => 0;
  const all = () => 1;
  expect([0, 1, 2, 3, 6, 50].map((n) => wait(n, none))).toEqual([250, 500, 1000, 2000, 15000, 15000]);
  expect([0, 1, 6, 50].map((n) => wait(n, all))).toEqual([500, 1000, 30000, 30000]);
});

test("join is the first frame of each connection", () => {
  make();
  wire().opens();
  wire().breaks();
  vi.advanceTimersByTime(250);
  wire().opens();
  expect(wires.map((w) => w.sent)).toEqual([[{ type: "join", visitor: null }], [{ type: "join", visitor: null }]]);
});

test("it comes back after cuts, more slowly each time, and quickly again once it had joined", () => {
  make();
  const gaps: number[] = [];
  for (let i = 0; i < 4; i++) {
    const before = wires.length;
    const at = Date.now();
    wire().breaks();
    while (wires.length === before) vi.advanceTimersByTime(50);
    gaps.push(Date.now() - at);
  }
  expect(gaps).toEqual([250, 500, 1000, 2000]);
  wire().opens();
  wire().hears({ type: "joined" });
  wire().breaks();
  vi.advanceTimersByTime(250);
  expect(wires.length).toBe(6);
  expect(cuts).toBe(5);
});

test("a connection that is open and dead is found out and given up", () => {
  make();
  wire().opens();
  wire().hears({ type: "joined" });
  const first = wire();
  vi.advanceTimersByTime(25_000);
  expect(first.sent.at(-1)).toEqual({ type: "ping" });
  vi.advanceTimersByTime(10_000 + 250);
  expect(first.readyState).toBe(3);
  expect(wires.length).toBe(2);
  expect(cuts).toBe(1);
});

test("a connection that answers is kept", () => {
  make();
  wire().opens();
  for (let i = 0; i < 10; i++) {
    wire().hears({ type: "pong" });
    vi.advanceTimersByTime(30_000);
  }
  expect(wires.length).toBe(1);
});

test("a server that takes the connection and never says a word is given up", () => {
  make();
  wire().opens();
  vi.advanceTimersByTime(10_000 + 250);
  expect(wires.length).toBe(2);
});

test("a word from a connection given up long ago changes nothing", () => {
  const s = make();
  wire().opens();
  const old = wire();
  s.renew();
  old.hears({ type: "message" });
  old.breaks();
  expect(heard).toEqual([]);
  expect(cuts).toBe(1);
});

test("when the network is back it does not wait", () => {
  const s = make();
  wire().breaks();
  s.hurry();
  expect(wires.length).toBe(2);
  vi.advanceTimersByTime(9_000);
  expect(wires.length).toBe(2);
});

test("after its end it stays away", () => {
  const s = make();
  wire().opens();
  s.end();
  s.connect();
  vi.advanceTimersByTime(120_000);
  expect(wires.length).toBe(1);
  expect(s.send({ type: "ping" })).toBe(false);
});
