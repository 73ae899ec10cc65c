// One visitor socket that comes back by itself.

export type Frame = { type: string; [key: string]: unknown };

export type SocketLike = Pick<WebSocket, "send" | "close" | "readyState"> & {
  onopen: (() => void) | null;
  onclose: (() => void) | null;
  onmessage: ((e: { data: string }) => void) | null;
};

export type SocketOptions = {
  dial: () => SocketLike;
  // greet is called on each new connection, to send the first frame.
  greet: () => Frame;
  heard: (frame: Frame) => void;
  lost: () => void;
  random?: () => number;
};

const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
const PING_EVERY = 25_000;
const ANSWER_WITHIN = 10_000;

// wait before the nth try after a cut (0 first): it doubles up to half a minute, and between half and all of it is taken
// at random, so that a server that comes back isn't met by all visitors at once.
export function wait(attempt: number, random: () => number): number {
  const full = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt);
  return full * (0.5 + random() / 2);
}

export class Socket {
  private ws: SocketLike | undefined;
  private attempt = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private pulse: ReturnType<typeof setTimeout> | undefined;
  private ended = false;

  constructor(private readonly o: SocketOptions) {}

  connect() {
    clearTimeout(this.retry);
    if (this.ws || this.ended) return;
    const ws = this.o.dial();
    this.ws = ws;
    this.expectAnswer(); // also to the opening itself
    ws.onopen = () => ws.send(JSON.stringify(this.o.greet()));
    ws.onmessage = (e) => {
      if (ws === this.ws) this.take(e.data);
    };
    ws.onclose = () => this.drop(ws);
  }

  // hurry tries at once: the network is back, or somebody looks at the page again.
  hurry() {
    if (!this.ws) this.connect();
    else this.ping();
  }

  send(frame: Frame): boolean {
    if (this.ws?.readyState !== 1) return false;
    this.ws.send(JSON.stringify(frame));
    return true;
  }

  // renew gives up a connection that doesn't answer.
  renew() {
    const ws = this.ws;
    if (!ws) return;
    ws.close();
    this.drop(ws);
  }

  end() {
    this.ended = true;
    clearTimeout(this.retry);
    this.renew();
  }

  private take(data: string) {
    clearTimeout(this.pulse);
    this.pulse = setTimeout(() => this.ping(), PING_EVERY);
    const frame = JSON.parse(data) as Frame;
    if (frame.type === "joined") this.attempt = 0;
    this.o.heard(frame);
  }

  private ping() {
    this.send({ type: "ping" });
    this.expectAnswer();
  }

  private expectAnswer() {
    clearTimeout(this.pulse);
    this.pulse = setTimeout(() => this.renew(), ANSWER_WITHIN);
  }

  private drop(ws: SocketLike) {
    if (ws !== this.ws) return;
    this.ws = undefined;
    clearTimeout(this.pulse);
    this.o.lost();
    if (!this.ended) this.retry = setTimeout(() => this.connect(), wait(this.attempt++, this.o.random ?? Math.random));
  }
}
