import { expect, test } from "vitest";
import { pieces, safe } from "./links";
import { catalogues, counted, speak, type Words } from "./words";

test("only web addresses become links, without the full stop after them", () => {
  expect(pieces("see https://a.test/x?y=(1), or http://b.test.")).toEqual([
    { text: "see " },
    { text: "https://a.test/x?y=(1", href: "https://a.test/x?y=(1" },
    { text: "), or " },
    { text: "http://b.test", href: "http://b.test/" },
    { text: "." },
  ]);
  for (const text of [
    "javascript:alert(1)",
    "data:text/html,x",
    "<script>https</script>",
    "https://",
    "mailto:a@b.test",
  ]) {
    expect(pieces(text)).toEqual([{ text }]);
  }
  expect(pieces("")).toEqual([]);
});

test("a file's address is one that a browser may be sent to", () => {
  expect(safe("/files/1", "https://hub.test/widget/")).toBe("https://hub.test/files/1");
  expect(safe("javascript:alert(1)", "https://hub.test")).toBeUndefined();
});

test("every language has every word, and every plural that it needs", () => {
  for (const [tag, words] of Object.entries(catalogues)) {
    for (const key of Object.keys(catalogues.en as Words) as (keyof Words)[])
      expect(words[key], `${tag}.${key}`).toBeTruthy();
    for (const form of new Intl.PluralRules(tag).resolvedOptions().pluralCategories) {
      expect(words.unread[form], `${tag} unread ${form}`).toContain("{n}");
    }
  }
});

test("the first language that there are words for is spoken", () => {
  expect(speak(["", "de-DE", "ru-RU", "en"]).tag).toBe("ru-RU");
  expect(speak(["de"]).tag).toBe("en");
  expect(speak(["he-IL"]).dir).toBe("rtl");
  const ru = speak(["ru"]);
  expect([1, 2, 5].map((n) => counted(ru.words.unread, n, ru.tag))).toEqual([
    "Чат, 1 новое сообщение",
    "Чат, 2 новых сообщения",
    "Чат, 5 новых сообщений",
  ]);
});
