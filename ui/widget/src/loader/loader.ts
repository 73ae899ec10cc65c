// The loader: a button on the website's page. Everything else comes with the panel's frame, when somebody opens it or
// when a conversation is going on already.
import type { Kept, Page, ToLoader, ToPanel } from "../bridge";
import css from "./loader.css";

type Listener = (detail?: unknown) => void;
type Command = [name: string, ...args: unknown[]];

declare global {
  interface Window {
    parley?: unknown;
  }
}

const ICON =
  '<svg viewBox="0 0 24 24" aria-hidden="true"><path class="a" d="M4 5h16v12h-9l-4 4v-4H4z"/><path class="b" d="m6 9 6 6 6-6"/></svg>';

const script = document.currentScript as HTMLScriptElement | null;
// Before this script has come, a page may leave commands in an array: (parley = window.parley || []).push(["open"]).
const queued = (window.parley || []) as Command[];

if (script && Array.isArray(queued)) start(script);

function start({ src, dataset }: HTMLScriptElement) {
  const { channel = "", lang = "", theme = "", color = "", side } = dataset;
  const hub = new URL(src).origin;
  const prefix = `parley:${channel}:`;
  const phone = matchMedia("(max-width: 480px)");
  const listeners: Record<string, Listener[]> = {};
  const kept: Kept = {};
  let identity = "";
  let isOpen = false;
  let ready = false;
  let frame: HTMLIFrameElement | undefined;

  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  const button = document.createElement("button");
  const badge = document.createElement("span");

  const api = {
    open() {
      if (isOpen) return;
      show(true);
      load();
      post({ parley: "open", modal: phone.matches });
      frame?.focus();
      emit("open");
    },
    close() {
      if (!isOpen) return;
      show(false);
      post({ parley: "closed" });
      button.focus();
      emit("close");
    },
    identify({ token = "" }) {
      identity = token;
      post({ parley: "identify", token });
    },
    on(name: string, fn: Listener) {
      listeners[name] ||= [];
      listeners[name].push(fn);
    },
    push(...commands: Command[]) {
      for (const [name, ...args] of commands)
        (api as Record<string, (...args: never[]) => void>)[name]?.(...(args as never[]));
    },
  };

  function emit(name: string, detail?: unknown) {
    for (const fn of listeners[name] || []) fn(detail);
  }

  function show(open: boolean) {
    isOpen = open;
    button.ariaExpanded = `${open}`;
    host.toggleAttribute("open", open);
    if (frame) frame.hidden = !open;
    guarded(() => sessionStorage.setItem(`${prefix}open`, open ? "1" : ""));
  }

  function load() {
    if (frame) return;
    frame = document.createElement("iframe");
    frame.title = button.ariaLabel as string;
    frame.hidden = !isOpen;
    frame.onload = () => {
      ready = true;
      post({ parley: "init", kept, page: page(), lang, theme, color, open: isOpen, modal: phone.matches, identity });
      emit("ready");
    };
    frame.src = `${hub}/widget/panel.html?channel=${encodeURIComponent(channel)}`;
    root.append(frame);
    follow();
  }

  // A page that changes its address without loading anew tells nobody, so its ways of doing it are listened in to.
  function follow() {
    for (const way of ["pushState", "replaceState"] as const) {
      const original = history[way].bind(history);
      history[way] = (...args) => {
        original(...args);
        setTimeout(moved);
      };
    }
    addEventListener("popstate", moved);
  }

  function moved() {
    post({ parley: "page", page: page() });
  }

  function page(): Page {
    return { url: location.href, title: document.title, referrer: document.referrer };
  }

  function post(message: ToPanel) {
    if (ready) frame?.contentWindow?.postMessage(message, hub);
  }

  addEventListener("message", ({ origin, source, data }: MessageEvent<ToLoader>) => {
    if (origin !== hub || !frame || source !== frame.contentWindow) return;
    const { parley } = data;
    if (parley === "keep") keep(prefix + data.key, data.value);
    if (parley === "close") api.close();
    if (parley === "event") emit(data.name, data.detail);
    if (parley === "unread") {
      badge.hidden = !data.count;
      badge.textContent = `${data.count}`;
      button.ariaLabel = data.label;
      emit(parley, data.count);
    }
  });

  function appear() {
    document.body.append(host);
    if (!Object.keys(kept).length) return;
    (window.requestIdleCallback || setTimeout)(() => {
      if (guarded(() => sessionStorage.getItem(`${prefix}open`)) && !phone.matches) show(true);
      load();
    });
  }

  guarded(() => {
    for (const [key, value] of Object.entries(localStorage)) {
      if (key.startsWith(prefix)) kept[key.slice(prefix.length)] = value;
    }
  });
  button.innerHTML = ICON;
  button.ariaLabel = { ru: "Чат", he: "צ׳אט" }[lang] || "Chat";
  button.onclick = () => (isOpen ? api.close() : api.open());
  badge.hidden = true;
  button.append(badge);
  root.append(button);
  // A style sheet made by script is not held up by the website's Content-Security-Policy, a <style> is.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets = [sheet];
  if (side) host.dir = side === "left" ? "rtl" : "ltr";
  if (color) host.style.setProperty("--c", color);

  window.parley = api;
  if (document.body) appear();
  else addEventListener("DOMContentLoaded", appear);
  api.push(...queued);
}

function keep(key: string, value: string | null) {
  guarded(() => (value === null ? localStorage.removeItem(key) : localStorage.setItem(key, value)));
}

// Where the browser blocks storage, the chat lives as long as the page.
function guarded<T>(use: () => T): T | undefined {
  try {
    return use();
  } catch {
    return;
  }
}
