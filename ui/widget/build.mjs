// Builds dist/: widget.js (the loader), demo.html, and widget/ with the panel's page and its files, whose names change with their content.
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { build, transform } from "esbuild";

const common = {
  bundle: true,
  minify: true,
  target: ["es2022", "safari15.4"],
  legalComments: "none",
  logLevel: "warning",
};

const minifiedText = {
  name: "css as minified text",
  setup({ onLoad }) {
    onLoad({ filter: /loader\.css$/ }, async ({ path }) => {
      const css = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: css.code.trim(), loader: "text" };
    });
  },
};

for (const name of await readdir("dist")) {
  if (name !== "placeholder.txt") await rm(`dist/${name}`, { recursive: true });
}
await mkdir("dist/widget");

await build({
  ...common,
  entryPoints: ["src/loader/loader.ts"],
  outfile: "dist/widget.js",
  format: "iife",
  tsconfigRaw: {},
  plugins: [minifiedText],
});

const panel = await build({
  ...common,
  entryPoints: { panel: "src/panel/main.tsx" },
  outdir: "dist/widget",
  entryNames: "[name]-[hash]",
  format: "esm",
  jsx: "automatic",
  jsxImportSource: "preact",
  metafile: true,
});
const made = Object.keys(panel.metafile.outputs).map((path) => basename(path));
const page = (await readFile("src/panel/panel.html", "utf8"))
  .replace(
    "%CSS%",
    made.find((name) => name.endsWith(".css")),
  )
  .replace(
    "%JS%",
    made.find((name) => name.endsWith(".js")),
  );
await writeFile("dist/widget/panel.html", page);

await cp("demo/demo.html", "dist/demo.html");
await cp("demo/demo.css", "dist/widget/demo.css");
await cp("demo/demo.js", "dist/widget/demo.js");
