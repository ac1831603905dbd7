// Cuts GitHub's published OpenAPI description down to the endpoints that ci-tool asks.
// usage: node github-api.mjs api.github.com.json > github-api.json
import { readFileSync } from "node:fs";

const PATHS = [
  "/repos/{owner}/{repo}",
  "patch /repos/{owner}/{repo}",
  "post /orgs/{org}/repos",
  "post /user/repos",
  "/repos/{owner}/{repo}/rules/branches/{branch}",
  "/repos/{owner}/{repo}/rulesets/{ruleset_id}",
  "/repos/{owner}/{repo}/actions/secrets",
  "/repos/{owner}/{repo}/actions/organization-secrets",
  "/repos/{owner}/{repo}/actions/secrets/public-key",
  "put /repos/{owner}/{repo}/actions/secrets/{secret_name}",
  "/repos/{owner}/{repo}/environments/{environment_name}/secrets",
  "/repos/{owner}/{repo}/environments/{environment_name}/secrets/public-key",
  "put /repos/{owner}/{repo}/environments/{environment_name}/secrets/{secret_name}",
  "post /repos/{owner}/{repo}/dependency-graph/snapshots",
  "/repos/{owner}/{repo}/tags",
  "/repos/{owner}/{repo}/branches",
  "/repos/{owner}/{repo}/git/ref/{ref}",
  "/repos/{owner}/{repo}/git/tags/{tag_sha}",
  "/repos/{owner}/{repo}/commits/{ref}",
  "/repos/{owner}/{repo}/commits/{ref}/check-runs",
  "post /repos/{owner}/{repo}/check-runs",
  "patch /repos/{owner}/{repo}/check-runs/{check_run_id}",
  "/repos/{owner}/{repo}/commits/{ref}/status",
  "/repos/{owner}/{repo}/compare/{basehead}",
  "/repos/{owner}/{repo}/releases/tags/{tag}",
  "/users/{username}",
  "/repos/{owner}/{repo}/code-scanning/sarifs/{sarif_id}",
  "post /repos/{owner}/{repo}/code-scanning/sarifs",
  "/repos/{owner}/{repo}/issues/{issue_number}/comments",
  "post /repos/{owner}/{repo}/issues/{issue_number}/comments",
  "patch /repos/{owner}/{repo}/issues/comments/{comment_id}",
  "/user",
  "/repos/{owner}/{repo}/git/commits/{commit_sha}",
  "post /repos/{owner}/{repo}/git/commits",
  "post /repos/{owner}/{repo}/git/trees",
  "post /repos/{owner}/{repo}/git/refs",
  "patch /repos/{owner}/{repo}/git/refs/{ref}",
  "/repos/{owner}/{repo}/pulls",
  "post /repos/{owner}/{repo}/pulls",
  "patch /repos/{owner}/{repo}/pulls/{pull_number}",
  "/repos/{owner}/{repo}/pulls/{pull_number}/files",
  "/repos/{owner}/{repo}/pulls/{pull_number}/comments",
  "post /repos/{owner}/{repo}/pulls/{pull_number}/reviews",
  "/repos/{owner}/{repo}/deployments",
  "post /repos/{owner}/{repo}/deployments",
  "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
  "post /repos/{owner}/{repo}/deployments/{deployment_id}/statuses",
];

const whole = JSON.parse(readFileSync(process.argv[2], "utf8"));
const subset = { openapi: whole.openapi, info: whole.info, paths: {}, components: {} };

const keep = (node) => {
  if (node === null || typeof node !== "object") return;
  if (typeof node.$ref === "string") {
    const [, , kind, name] = node.$ref.split("/");
    subset.components[kind] ??= {};
    if (!(name in subset.components[kind])) {
      subset.components[kind][name] = whole.components[kind][name];
      keep(whole.components[kind][name]);
    }
  }
  Object.values(node).forEach(keep);
};

for (const asked of PATHS) {
  const [path, method = "get"] = asked.split(" ").reverse();
  const operation = whole.paths[path]?.[method];
  if (!operation) throw new Error(`GitHub's description has no ${method} ${path}`);
  subset.paths[path] = { ...subset.paths[path], [method]: operation };
  keep(operation);
}
process.stdout.write(JSON.stringify(subset));
