// Runs GitHub's own workflow parser and language service over files.
// Prints each problem as `file: problem`; exits 1 where there is one.
import { readFileSync } from "node:fs";
import { NoOperationTraceWriter, convertWorkflowTemplate, parseWorkflow } from "@actions/workflow-parser";
import { validate } from "@actions/languageservice";
import { TextDocument } from "vscode-languageserver-textdocument";

const problems = new Set();
for (const name of process.argv.slice(2)) {
  const content = readFileSync(name, "utf8");
  if (!/action\.ya?ml$/.test(name)) {
    const parsed = parseWorkflow({ name, content }, new NoOperationTraceWriter());
    for (const error of parsed.context.errors.getErrors()) problems.add(`${name}: ${error.message}`);
    if (parsed.value) {
      const converted = await convertWorkflowTemplate(parsed.context, parsed.value);
      for (const error of converted.errors ?? []) problems.add(`${name}: ${error.Message ?? error.message}`);
    }
  }
  const document = TextDocument.create(`file:///${name}`, "yaml", 1, content);
  for (const found of await validate(document, {})) {
    const { line, character } = found.range.start;
    problems.add(`${name}:${line + 1}:${character + 1}: ${found.message}`);
  }
}
for (const problem of problems) console.log(problem);
process.exit(problems.size ? 1 : 0);
