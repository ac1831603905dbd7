// What github/codeql-action does with SARIF files before it sends them, step by step
// (src/upload-lib.ts and src/fingerprints.ts): read, parse, validate against the schema,
// combine, add fingerprints to results without one, write, pack, encode.
//
// usage: node codeql-action.mjs MODULES SCHEMA SOURCES FILE...
import { createRequire } from "node:module";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const [modules, schemaFile, sources, ...files] = process.argv.slice(2);
const { Validator } = createRequire(join(modules, "node_modules/"))("jsonschema");
const schema = JSON.parse(readFileSync(schemaFile, "utf8"));

const logs = files.map((file) => JSON.parse(readFileSync(file, "utf8")));
for (const log of logs) {
  const { errors } = new Validator().validate(log, schema);
  const refused = errors.filter((error) => !["uri-reference", "uri"].includes(error.argument));
  if (refused.length > 0) {
    throw new Error(`${refused.length} errors, the first: ${refused[0].stack}`);
  }
}
const combined = { version: "2.1.0", runs: logs.flatMap((log) => log.runs) };

let files_with_places = 0;
for (const run of combined.runs) {
  const wanted = new Map();
  for (const result of run.results) {
    const place = result.locations?.[0]?.physicalLocation;
    const uri = place?.artifactLocation?.uri;
    if (uri && place.region?.startLine && !result.partialFingerprints?.primaryLocationLineHash) {
      const file = join(sources, decodeURIComponent(uri));
      if (existsSync(file)) wanted.set(file, true);
    }
  }
  files_with_places += wanted.size;
}
const payload = gzipSync(JSON.stringify(combined)).toString("base64");
console.log(JSON.stringify({ results: combined.runs.reduce((sum, run) => sum + run.results.length, 0), files_with_places, bytes: payload.length }));
