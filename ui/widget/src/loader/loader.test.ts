// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ToLoader, ToPanel } from "../bridge";

vi.mock("./loader.css", () => ({ default: "" }));

const HUB = "https://hub.test";
let sent: { message: ToPanel; to: string }[];

type Api = {
  open(): void;
  close(): void;
  on(name: string, fn: (detail?: unknown) => void): void;
  identify(who: { token: string }): void;
  push(...commands: unknown[]): void;
};

async function load(attributes: Record<string, string> = {}) {
  const script = document.createElement("script");
  Object.defineProperty(script, "src", { value: `${HUB}/widget.js` });
  Object.assign(script.dataset, { channel: "c1", ...attributes });
  Object.defineProperty(document, "currentScript", { value: script, configurable: true });
  vi.resetModules();
  await import("./loader");
  return (window as unknown as { parley: Api }).parley;
}

const root = () => document.body.lastElementChild?.shadowRoot as ShadowRoot;
const frame = () => root().querySelector("iframe");
const button = () => root().querySelector("button") as HTMLButtonElement;

// arrives is the frame's page being there; what is posted to it is written down.
function arrives() {
  const f = frame() as HTMLIFrameElement;
  const panel = { postMessage: (message: ToPanel, to: string) => sent.push({ message, to }) };
  Object.defineProperty(f, "contentWindow", { value: panel, configurable: true });
  f.onload?.(new Event("load"));
  f.onload = null; // happy-dom's own comes later
  return panel;
}

function hear(data: ToLoader, source: unknown, origin = HUB) {
  const e = new MessageEvent("message", { data, origin });
  Object.defineProperty(e, "source", { value: source });
  Object.defineProperty(e, "origin", { value: origin });
  window.dispatchEvent(e);
}

// The panel's page is an empty one; the tests speak for it.
const { settings } = (window as unknown as { happyDOM: { settings: Record<string, unknown> & { fetch: object } } })
  .happyDOM;
settings.enableIframePageLoading = true;
Object.assign(settings.fetch, {
  interceptor: { beforeAsyncRequest: async ({ window: w }: { window: typeof globalThis }) => new w.Response("") },
});

beforeEach(() => {
  sent = [];
  HTMLIFrameElement.prototype.focus = () => {};
});
afterEach(() => {
  document.body.replaceChildren();
  localStorage.clear();
  sessionStorage.clear();
  delete (window as { parley?: unknown }).parley;
});

test("nothing but the button comes before it is opened", async () => {
  await load();
  await new Promise((r) => setTimeout(r, 20));
  expect(frame()).toBeNull();
  button().click();
  expect(frame()?.src).toBe(`${HUB}/widget/panel.html?channel=c1`);
  expect(frame()?.hidden).toBe(false);
});

test("a conversation that is going on is loaded by itself, out of sight", async () => {
  localStorage.setItem("parley:c1:token", "T");
  localStorage.setItem("parley:c2:token", "another channel's");
  localStorage.setItem("cart", "the shop's own");
  await load();
  await vi.waitFor(() => expect(frame()).not.toBeNull());
  expect(frame()?.hidden).toBe(true);
  arrives();
  expect(sent[0]?.to).toBe(HUB);
  expect(sent[0]?.message).toMatchObject({ parley: "init", open: false, kept: { token: "T" } });
});

test("only the panel's frame of the hub's origin is listened to", async () => {
  const parley = await load();
  parley.open();
  const panel = arrives();
  hear({ parley: "keep", key: "token", value: "evil" }, panel, "https://evil.test");
  hear({ parley: "keep", key: "token", value: "evil" }, window);
  expect(localStorage.getItem("parley:c1:token")).toBeNull();
  hear({ parley: "keep", key: "token", value: "T" }, panel);
  expect(localStorage.getItem("parley:c1:token")).toBe("T");
  hear({ parley: "keep", key: "token", value: null }, panel);
  expect(localStorage.getItem("parley:c1:token")).toBeNull();
});

test("commands left before it came are carried out, and later ones too", async () => {
  const heard: unknown[] = [];
  (window as unknown as { parley: unknown }).parley = [["on", "open", () => heard.push("open")], ["open"]];
  const parley = await load();
  expect(heard).toEqual(["open"]);
  expect(frame()?.hidden).toBe(false);
  parley.push(["close"], ["no such command"]);
  expect(frame()?.hidden).toBe(true);
});

test("unread answers are on the button and told to the page", async () => {
  const parley = await load();
  const counts: unknown[] = [];
  parley.on("unread", (n) => counts.push(n));
  parley.open();
  const panel = arrives();
  parley.close();
  hear({ parley: "unread", count: 3, label: "Chat, 3 new messages" }, panel);
  expect(button().textContent).toBe("3");
  expect(button().ariaLabel).toBe("Chat, 3 new messages");
  expect(counts).toEqual([3]);
  hear({ parley: "unread", count: 0, label: "Chat" }, panel);
  expect(root().querySelector("span")?.hidden).toBe(true);
});

test("the page's moves and the identity reach the panel", async () => {
  const parley = await load();
  parley.identify({ token: "JWT" });
  parley.open();
  arrives();
  expect(sent[0]?.message).toMatchObject({ parley: "init", identity: "JWT", open: true });
  history.pushState({}, "", "#two");
  await vi.waitFor(() => expect(sent.at(-1)?.message).toMatchObject({ parley: "page" }));
  expect(sent.at(-1)?.message).toMatchObject({ page: { url: expect.stringMatching("#two") } });
});

test("a second script on the page changes nothing", async () => {
  const parley = await load();
  expect(await load()).toBe(parley);
  expect(document.body.children.length).toBe(1);
});
