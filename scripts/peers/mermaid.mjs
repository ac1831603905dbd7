// Draws flowcharts with Mermaid in Chromium, as strictly as forges do, and prints the texts of each as JSON.
// usage: node mermaid.mjs NODE_MODULES FILE...     the files are Markdown; each block is a picture
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, ...files] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const puppeteer = (await import(pathToFileURL(require.resolve("puppeteer-core")))).default;
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
const page = await browser.newPage();
const problems = [];
page.on("pageerror", (error) => problems.push(String(error)));
page.on("dialog", (dialog) => {
  problems.push(`dialog: ${dialog.message()}`);
  return dialog.dismiss();
});
await page.evaluate(readFileSync(`${modules}/@mermaid-js/tiny/dist/mermaid.tiny.js`, "utf8"));
const pictures = [];
for (const file of files) {
  for (const [, text] of readFileSync(file, "utf8").matchAll(/^```mermaid\n(.*?)^```$/gms)) {
    pictures.push(
      await page.evaluate(async (text) => {
        const { mermaid } = globalThis;
        mermaid.initialize({ startOnLoad: false, securityLevel: "strict" });
        const { svg } = await mermaid.render(`picture${Math.random()}`.replace(".", ""), text);
        const drawn = new DOMParser().parseFromString(svg, "text/html");
        const texts = (what) => [...drawn.querySelectorAll(what)].map((one) => one.innerHTML.replace(/<br\s*\/?>/g, "\n").replace(/<\/?(p|span|div)[^>]*>/g, "")
          .replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&"));
        return {
          boxes: texts(".node .nodeLabel"),
          groups: texts(".cluster .nodeLabel"),
          arrows: drawn.querySelectorAll(".edgePaths path").length,
          elements: drawn.querySelectorAll("script, img, a, b").length,
        };
      }, text),
    );
  }
}
console.log(JSON.stringify({ pictures, problems }));
await browser.close();
