// The panel's page: it waits for the loader's first word and then talks to that page alone.
import { render } from "preact";
import type { ToLoader, ToPanel } from "../bridge";
import { App } from "./app";
import { Chat } from "./chat";
import type { SocketLike } from "./socket";
import { counted, type Language, speak } from "./words";
import "./panel.css";

const channel = new URLSearchParams(location.search).get("channel") ?? "";
let site = ""; // the origin of the page around, as the browser tells it; the server lets only allowed ones frame us
let chat: Chat | undefined;
let opened = 0;
let modal = false;
let draft = "";
let language: Language = speak(navigator.languages);
let shownUnread = "";

addEventListener("message", ({ data, origin, source }: MessageEvent<ToPanel>) => {
  if (source !== parent || parent === window || (site && origin !== site) || !data?.parley) return;
  if (data.parley === "init" && !chat) {
    site = origin;
    begin(data);
  }
  if (data.parley === "open") {
    modal = data.modal;
    opened++;
    chat?.setOpen(true);
  }
  if (data.parley === "closed") chat?.setOpen(false);
  if (data.parley === "page") chat?.moved(data.page);
  if (data.parley === "identify") chat?.identify(data.token);
});

function tell(message: ToLoader) {
  if (site) parent.postMessage(message, site);
}

function begin(init: Extract<ToPanel, { parley: "init" }>) {
  language = speak([init.lang, ...navigator.languages]);
  const html = document.documentElement;
  html.lang = language.tag;
  html.dir = language.dir;
  if (init.theme) html.dataset.theme = init.theme;
  paintWith(init.color);
  modal = init.modal;
  draft = init.kept.draft ?? "";
  if (init.open) opened = 1;
  chat = new Chat({
    kept: init.kept,
    keep: (key, value) => tell({ parley: "keep", key, value }),
    dial,
    page: init.page,
    identity: init.identity,
    open: init.open,
    changed: paint,
    emit: (name, detail) => tell({ parley: "event", name, detail }),
  });
  addEventListener("online", () => chat?.hurry());
  document.addEventListener("visibilitychange", () => document.hidden || chat?.hurry());
  addEventListener("keydown", keys);
  paint();
}

function dial(): SocketLike {
  const address = new URL(`/widget/ws?channel=${encodeURIComponent(channel)}`, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  return new WebSocket(address) as SocketLike;
}

function paint() {
  if (!chat) return;
  const view = chat.view();
  paintWith(view.color);
  render(
    <App
      chat={chat}
      view={view}
      language={language}
      opened={opened}
      draft={draft}
      keepDraft={keepDraft}
      close={() => tell({ parley: "close" })}
    />,
    document.body,
  );
  const label = view.unread ? counted(language.words.unread, view.unread, language.tag) : language.words.chat;
  if (label !== shownUnread) tell({ parley: "unread", count: view.unread, label });
  shownUnread = label;
}

let draftTimer: ReturnType<typeof setTimeout> | undefined;

function keepDraft(text: string) {
  clearTimeout(draftTimer);
  draftTimer = setTimeout(() => tell({ parley: "keep", key: "draft", value: text || null }), text ? 300 : 0);
}

// The website's colour, with text on it that can be read.
function paintWith(color: string) {
  const found = /^#([\da-f]{2})([\da-f]{2})([\da-f]{2})$/i.exec(color);
  if (!found || document.documentElement.style.getPropertyValue("--accent")) return;
  const [r, g, b] = found.slice(1).map((c) => (Number.parseInt(c, 16) / 255) ** 2.2) as [number, number, number];
  document.documentElement.style.setProperty("--accent", color);
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.2;
  document.documentElement.style.setProperty("--on-accent", light ? "#1b1f24" : "#fff");
}

function keys(e: KeyboardEvent) {
  if (e.key === "Escape" && !e.isComposing) tell({ parley: "close" });
  if (e.key === "Tab" && modal) stayInside(e);
}

// On a phone the panel covers the page, so the focus stays in it.
function stayInside(e: KeyboardEvent) {
  const all = [...document.querySelectorAll<HTMLElement>("button:not(:disabled), textarea, a[href], [tabindex='0']")];
  const edge = e.shiftKey ? all[0] : all.at(-1);
  if (document.activeElement !== edge) return;
  e.preventDefault();
  (e.shiftKey ? all.at(-1) : all[0])?.focus();
}
