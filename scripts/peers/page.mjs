// Opens a page of findings in Chromium and uses it as a person does: search, filters, sorting,
// keyboard. Prints what happened as JSON.
// usage: node page.mjs NODE_MODULES PAGE SEARCH
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, file, words] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const puppeteer = (await import(pathToFileURL(require.resolve("puppeteer-core")))).default;
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
const page = await browser.newPage();
const told = { problems: [], requests: [] };
page.on("console", (message) => told.problems.push(message.text()));
page.on("pageerror", (error) => told.problems.push(String(error)));
page.on("dialog", (dialog) => {
  told.problems.push(`dialog: ${dialog.message()}`);
  return dialog.dismiss();
});
page.on("request", (request) => request.url().startsWith("file:") || told.requests.push(request.url()));

const count = () => page.$eval("#count", (element) => element.textContent);
const names = () => page.$$eval("#list summary strong", (all) => all.slice(0, 5).map((element) => element.textContent));
const changed = async (act) => {
  const before = await count();
  await act();
  await page.waitForFunction((text) => document.querySelector("#count").textContent !== text, {}, before);
  return count();
};

const started = Date.now();
await page.goto(pathToFileURL(file));
await page.waitForFunction(() => document.querySelectorAll("#list li").length > 0);
told.milliseconds = Date.now() - started;
told.all = await count();
told.listed = (await page.$$("#list li")).length;
told.first = await names();
told.searched = await changed(() => page.type("#search", words));
told.found = await names();
told.cleared = await changed(() => page.$eval("#search", (element) => {
  element.value = "";
  element.dispatchEvent(new Event("input"));
}));
told.high = await changed(() => page.select("#severity", "high"));
await page.select("#severity", "");
// Where there is a baseline: each state alone.
told.states = {};
for (const state of await page.$$eval("#state option", (all) => all.map((one) => one.value).filter(Boolean))) {
  await page.select("#state", state);
  told.states[state] = [await count(), await names()];
}
await page.select("#state", "");
await page.select("#sort", "name");
told.sorted = await names();
await page.select("#sort", "");
// By keyboard: the first finding opens and tells.
await page.focus("#list summary");
await page.keyboard.press("Enter");
await page.waitForSelector("#list details[open] dl");
told.opened = await page.$eval("#list dl", (element) => element.textContent);
if (await page.$eval("#more", (element) => !element.hidden)) {
  await page.click("#more");
  told.after = (await page.$$("#list li")).length;
}
told.elements = await page.$$eval("#list b, #list img, #list a", (all) => all.length);

await page.setBypassCSP(true);
for (const scheme of ["light", "dark"]) {
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(pathToFileURL(file));
  await page.evaluate(readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
  told[`axe-${scheme}`] = await page.evaluate(async () => (await globalThis.axe.run()).violations.map((one) => one.id));
}
console.log(JSON.stringify(told));
await browser.close();
