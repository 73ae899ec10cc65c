import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Chat, File, Line, View } from "./chat";
import { pieces, safe } from "./links";
import type { Language } from "./words";

type Props = {
  chat: Chat;
  view: View;
  language: Language;
  opened: number; // rises each time the panel is opened
  draft: string;
  keepDraft: (text: string) => void;
  close: () => void;
};

export function App({ chat, view, language, opened, draft, keepDraft, close }: Props) {
  const { words } = language;
  return (
    <main>
      <header>
        <h1 dir="auto">{view.title || words.title}</h1>
        <button type="button" class="icon" aria-label={words.close} title={words.close} onClick={close}>
          <svg viewBox="0 0 20 20" aria-hidden="true">
            <path d="m5 5 10 10M15 5 5 15" />
          </svg>
        </button>
      </header>
      <Thread chat={chat} view={view} language={language} opened={opened} />
      <p class="status" role="status">
        {view.link === "lost" ? words.lost : view.link === "live" && view.away ? words.away : ""}
      </p>
      <Composer chat={chat} language={language} opened={opened} draft={draft} keepDraft={keepDraft} />
    </main>
  );
}

function Thread({ chat, view, language, opened }: Pick<Props, "chat" | "view" | "language" | "opened">) {
  const { words, tag } = language;
  const box = useRef<HTMLDivElement>(null);
  const end = useRef(true);
  const last = view.lines.at(-1);
  useLayoutEffect(() => {
    if (box.current && (end.current || last?.mine)) box.current.scrollTop = box.current.scrollHeight;
  }, [view.lines.length, last?.key, view.typing, opened]);
  const scrolled = () => {
    const b = box.current;
    if (b) end.current = b.scrollHeight - b.scrollTop - b.clientHeight < 40;
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard (WCAG 2.1.1)
    <div class="thread" ref={box} onScroll={scrolled} tabIndex={0} role="log" aria-live="polite" aria-label={words.log}>
      {view.link === "connecting" && !view.lines.length && <p class="dim">{words.connecting}</p>}
      {view.greeting && (
        <div class="line">
          <Bubble text={view.greeting} />
        </div>
      )}
      {view.lines.map((line, i) => (
        <Row key={line.key} line={line} before={view.lines[i - 1]} after={view.lines[i + 1]} tag={tag} words={words}>
          {line.mine && (
            <State line={line} last={line === last} live={view.link === "live"} words={words} chat={chat} />
          )}
        </Row>
      ))}
      {view.typing !== null && (
        <div class="line">
          {view.typing && <bdi class="who">{view.typing}</bdi>}
          <span class="typing">
            <i />
            <i />
            <i />
            <span class="hear">{words.typing}</span>
          </span>
        </div>
      )}
    </div>
  );
}

type RowProps = {
  line: Line;
  before: Line | undefined;
  after: Line | undefined;
  tag: string;
  words: Language["words"];
  children: ComponentChildren;
};

function Row({ line, before, after, tag, words, children }: RowProps) {
  const newDay = !before || day(before.at) !== day(line.at);
  const first = newDay || before.mine !== line.mine || before.author !== line.author;
  const stands = !after || after.mine !== line.mine || after.at - line.at > 300_000;
  return (
    <>
      {newDay && <p class="dim">{dayName(line.at, tag, words.today)}</p>}
      <div class={line.mine ? "line mine" : "line"}>
        {first && line.author && <bdi class="who">{line.author}</bdi>}
        <Bubble text={line.text} files={line.files} />
        <p class="under">
          {stands && <time dateTime={new Date(line.at).toISOString()}>{hour(line.at, tag)}</time>}
          {children}
        </p>
      </div>
    </>
  );
}

function Bubble({ text, files = [] }: { text: string; files?: File[] }) {
  return (
    <div class="bubble">
      <div dir="auto">
        {pieces(text).map((p) =>
          p.href ? (
            <a href={p.href} target="_blank" rel="noopener noreferrer nofollow">
              {p.text}
            </a>
          ) : (
            p.text
          ),
        )}
      </div>
      {files.map((f) => (
        <a class="file" dir="auto" href={safe(f.url, location.href) ?? "#"} target="_blank" rel="noopener noreferrer">
          {f.name}
        </a>
      ))}
    </div>
  );
}

type StateProps = { line: Line; last: boolean; live: boolean; words: Language["words"]; chat: Chat };

function State({ line, last, live, words, chat }: StateProps) {
  if (line.state === "failed") {
    return (
      <span class="failed">
        {words.failed}{" "}
        <button type="button" class="link" onClick={() => chat.retry(line.key)}>
          {words.retry}
        </button>{" "}
        <button type="button" class="link" onClick={() => chat.discard(line.key)}>
          {words.discard}
        </button>
      </span>
    );
  }
  if (line.state === "waiting") return <span>{live ? words.waiting : words.kept}</span>;
  return last ? <span>{words.sent}</span> : null;
}

function Composer({
  chat,
  language,
  opened,
  draft,
  keepDraft,
}: Pick<Props, "chat" | "language" | "opened" | "draft" | "keepDraft">) {
  const { words } = language;
  const [text, setText] = useState(draft);
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (opened) area.current?.focus();
  }, [opened]);
  useLayoutEffect(() => {
    const a = area.current;
    if (!a) return;
    a.style.height = "auto";
    a.style.height = a.scrollHeight ? `${a.scrollHeight + 2}px` : "";
  }, [text, opened]);
  const write = (t: string) => {
    setText(t);
    keepDraft(t);
  };
  const send = () => {
    chat.say(text);
    write("");
    area.current?.focus();
  };
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        send();
      }}
    >
      <textarea
        ref={area}
        rows={1}
        dir="auto"
        value={text}
        maxLength={10_000}
        placeholder={words.write}
        aria-label={words.write}
        onInput={(e) => {
          write(e.currentTarget.value);
          if (e.currentTarget.value) chat.writes();
        }}
        onKeyDown={(e) => {
          if (e.key !== "Enter" || e.shiftKey || e.isComposing) return;
          e.preventDefault();
          send();
        }}
      />
      <button type="submit" class="icon send" aria-label={words.send} title={words.send} disabled={!text.trim()}>
        <svg viewBox="0 0 20 20" aria-hidden="true">
          <path d="M3 10h13M11 4.5l5.5 5.5-5.5 5.5" />
        </svg>
      </button>
    </form>
  );
}

const day = (at: number) => new Date(at).toDateString();

const hour = (at: number, tag: string) =>
  new Intl.DateTimeFormat(tag, { hour: "numeric", minute: "2-digit" }).format(at);

function dayName(at: number, tag: string, today: string) {
  if (day(at) === day(Date.now())) return today;
  return new Intl.DateTimeFormat(tag, { day: "numeric", month: "long", year: "numeric" }).format(at);
}
