
"use strict";
(() => {
  const [OUTCOME, SEVERITY, KIND, NAME, PLACE, MESSAGE, PACKAGE, FIXED, SCANNERS, STATE, RULE, IDENTITY, IDS, EXCERPT] = Array(14).keys();
  const PAGE = 200;
  const ORDER = ["critical", "high", "medium", "low", "note"];
  const WORDS = { denied: "fails the gate", warned: "worth a look", passed: "passes", suppressed: "set aside", fixed: "fixed" };
  const rows = JSON.parse(document.getElementById("data").textContent);
  const fixed = rows.filter((row) => row[STATE] === "fixed").length;
  const texts = rows.map((row) => row.flat().join("\n").toLowerCase());
  const by = (id) => document.getElementById(id);
  const list = by("list"), more = by("more"), count = by("count"), search = by("search");
  const filters = [["severity", SEVERITY, ORDER], ["outcome", OUTCOME, Object.keys(WORDS)], ["kind", KIND], ["scanner", SCANNERS], ["state", STATE]];

  for (const [id, column, order] of filters) {
    const found = [...new Set(rows.flatMap((row) => row[column]))].filter((word) => word !== "");
    const words = order ? order.filter((word) => found.includes(word)) : found.sort();
    by(id).append(new Option("all", ""), ...words.map((word) => new Option(WORDS[word] ?? word, word)));
    by(id).parentElement.hidden = words.length === 0;
  }

  const element = (name, text, kind) => {
    const made = document.createElement(name);
    made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };

  const item = (row) => {
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    summary.append(element("span", row[SEVERITY], `severity ${row[SEVERITY]}`), element("strong", row[NAME]));
    if (row[PACKAGE]) summary.append(element("span", row[PACKAGE]));
    summary.append(element("span", row[PLACE], "place"));
    details.append(summary);
    details.addEventListener("toggle", () => {
      if (details.childElementCount > 1) return;
      const facts = document.createElement("dl");
      const pairs = [["What", row[MESSAGE]], ["Line", row[EXCERPT]], ["Fixed in", row[FIXED]], ["Known as", row[IDS]], ["Kind", row[KIND]], ["Reported by", row[SCANNERS].join(", ")],
        ["State", row[STATE]], ["Outcome", WORDS[row[OUTCOME]]], ["Decided by", row[RULE]], ["Fingerprint", row[IDENTITY]]];
      for (const [term, text] of pairs) if (text) facts.append(element("dt", term), element("dd", text));
      details.append(facts);
    });
    const li = document.createElement("li");
    li.append(details);
    return li;
  };

  let shown = [], drawn = 0;
  const draw = () => {
    const next = shown.slice(drawn, drawn + PAGE);
    list.append(...next.map((at) => item(rows[at])));
    drawn += next.length;
    more.hidden = drawn >= shown.length;
    more.textContent = `Show ${Math.min(PAGE, shown.length - drawn)} more`;
  };

  const sorters = {
    severity: (a, b) => ORDER.indexOf(rows[a][SEVERITY]) - ORDER.indexOf(rows[b][SEVERITY]) || a - b,
    place: (a, b) => (rows[a][PLACE] < rows[b][PLACE] ? -1 : rows[a][PLACE] > rows[b][PLACE] ? 1 : a - b),
    name: (a, b) => (rows[a][NAME] < rows[b][NAME] ? -1 : rows[a][NAME] > rows[b][NAME] ? 1 : a - b),
  };

  const update = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = filters.map(([id, column]) => [column, by(id).value]).filter(([, value]) => value);
    shown = [];
    for (let at = 0; at < rows.length; at++) {
      const fits = words.every((word) => texts[at].includes(word)) &&
        chosen.every(([column, value]) => (column === SCANNERS ? rows[at][column].includes(value) : rows[at][column] === value));
      if (fits) shown.push(at);
    }
    const sorter = sorters[by("sort").value];
    if (sorter) shown.sort(sorter);
    list.replaceChildren();
    drawn = 0;
    draw();
    const all = fixed ? `${rows.length - fixed} findings, ${fixed} fixed` : `${rows.length} findings`;
    count.textContent = shown.length === rows.length ? all : `${shown.length} of ${rows.length} findings`;
  };

  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(update, 80);
  });
  document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  for (const id of [...filters.map(([id]) => id), "sort"]) by(id).addEventListener("change", update);
  more.addEventListener("click", () => {
    const first = drawn;
    draw();
    list.children[first]?.querySelector("summary").focus();
  });
  update();
})();
