// Fails when the widget outgrows its budget (UI.md §14): loader 2 kB, panel 15 kB with its page and style, gzipped.
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const gz = (path) => gzipSync(readFileSync(path), { level: 9 }).length;
const panel = readdirSync("dist/widget").filter((name) => name.startsWith("panel"));
const sizes = [
  { what: "loader", bytes: gz("dist/widget.js"), limit: 2000 },
  { what: "panel", bytes: panel.reduce((sum, name) => sum + gz(`dist/widget/${name}`), 0), limit: 15000 },
];
for (const { what, bytes, limit } of sizes) console.log(`${what}: ${bytes} of ${limit} bytes gz`);
if (panel.length < 3 || sizes.some(({ bytes, limit }) => bytes > limit)) {
  console.error("over the budget, or something is missing");
  process.exit(1);
}
