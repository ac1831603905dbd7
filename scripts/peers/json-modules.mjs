// GitHub's packages import JSON files without saying so; Node.js wants it said.
import { register } from "node:module";

const hook = `
  export async function load(url, context, next) {
    const isJson = url.endsWith(".json");
    return next(url, isJson ? { ...context, importAttributes: { type: "json" } } : context);
  }`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
