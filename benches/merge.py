#!/usr/bin/env python3
"""Joins edits of people with new versions: `ci-tool generate`, `git merge-file` and `copier update` on one corpus.

usage: CI_TOOL_PEERS=DIR benches/merge.py BIN [SCENARIOS]

Prints Markdown. A scenario is a sample whose workflows were generated, one to four edits of a person in one of them, and
a change of the project, of its configuration or of the templates. All three tools get the same three texts: what was
generated first, what the person made of it, what is generated now. What should come of it is worked out here from the
parsed texts alone:

- a conflict is *false* where no value and no comment was touched by both sides;
- a line is *lost* where the person wrote it and the result does not hold it;
- an update is *lost* where a value that the new version alone changed is not in the result.
"""

import collections
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEERS = pathlib.Path(os.environ.get("CI_TOOL_PEERS", pathlib.Path.home() / ".cache/ci-tool/peers"))
try:
    import yaml
except ImportError:
    os.execv(PEERS / "py/bin/python", [str(PEERS / "py/bin/python"), *sys.argv])

BIN = pathlib.Path(sys.argv[1]).resolve()
SCENARIOS = int(sys.argv[2]) if len(sys.argv) > 2 else 200
SAMPLES = ["fastapi-nextjs", "django-vite-pnpm", "turbo-monorepo", "poetry-api", "uv-service"]
ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "CI_TOOL_ACTION": "intowork/ci-action@0123456789abcdef0123456789abcdef01234567",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
}


def run(*command, cwd, expected=(0,)):
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, env=ENV)
    if expected and done.returncode not in expected:
        sys.exit(f"{command}: {done.returncode}: {done.stdout}{done.stderr}")
    return done


# What is in a text.


def name_of(item, seen):
    if isinstance(item, dict):
        known = next((str(item[key]) for key in ("id", "name", "uses", "run") if key in item), repr(sorted(map(str, item))))
        known = known.split("@")[0]
    else:
        known = repr(item)
    seen[known] += 1
    return f"[{known}]" if seen[known] == 1 else f"[{known}#{seen[known]}]"


def partners(items, before):
    """For each item of a list the one of the list before that it became, by id, name, action or command."""
    found, left = {}, dict(enumerate(before))
    for rule in (repr, *(lambda item, key=key: str(item[key]).split("@")[0] if isinstance(item, dict) and key in item else None
                         for key in ("id", "name", "uses", "run"))):
        for at, item in enumerate(items):
            if at not in found and rule(item) is not None:
                other = next((one for one in left if rule(left[one]) == rule(item)), None)
                if other is not None:
                    found[at] = other
                    del left[other]
    return found


def values(node, before=None, path=()):
    """Every value, by its path; steps are known by the names that they had before."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from values(value, before.get(key) if isinstance(before, dict) else None, (*path, str(key)))
    elif isinstance(node, list) and node:
        before = before if isinstance(before, list) else []
        seen = collections.Counter()
        old = [name_of(item, seen) for item in before]
        pairs = partners(node, before)
        for at, item in enumerate(node):
            name = old[pairs[at]] if at in pairs else name_of(item, seen)
            yield from values(item, before[pairs[at]] if at in pairs else None, (*path, name))
    else:
        yield path, node


def loaded(text):
    """The text as YAML; None where it is none or has a key twice."""
    class Loader(yaml.CSafeLoader):
        pass

    def mapping(loader, node):
        keys = [key.value for key, _ in node.value]
        if len(set(keys)) < len(keys):
            raise yaml.YAMLError("a key is there twice")
        return loader.construct_mapping(node, deep=True)

    Loader.add_constructor("tag:yaml.org,2002:map", mapping)
    try:
        return yaml.load(text, Loader)
    except (yaml.YAMLError, TypeError):
        return None


def parsed(text, before):
    """The values of a text, with the names of an earlier one; None where it is no YAML or has a key twice."""
    node = loaded(text)
    return None if node is None else dict(values(node, loaded(before)))


def paths_of_lines(text):
    """The path at each line that starts a key or an item."""
    found = {}

    def walk(node, path):
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                found.setdefault(key.start_mark.line, (*path, key.value))
                walk(value, (*path, key.value))
        elif isinstance(node, yaml.SequenceNode):
            seen = collections.Counter()
            for item in node.value:
                inner = (*path, name_of(plain_of(item), seen))
                found[item.start_mark.line] = inner
                walk(item, inner)

    walk(yaml.compose(text, yaml.CSafeLoader), ())
    return found


def plain_of(node):
    if isinstance(node, yaml.MappingNode):
        return {key.value: plain_of(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [plain_of(item) for item in node.value]
    return node.value


def lines_of(text):
    """The lines with content, without what joining may change of their place."""
    counts = collections.Counter()
    for line in text.splitlines():
        line = line.strip()
        line = line[2:].lstrip() if line.startswith("- ") else line
        if line:
            counts[line] += 1
    return counts


# What a person does. Each returns the lines, and the paths whose comments it touched.


def indent_of(line):
    return len(line) - len(line.lstrip())


def steps_of(lines):
    """Start and end of each step."""
    found = []
    for start, line in enumerate(lines):
        if re.match(r"\s*- (name|uses|id|run):", line):
            end = start + 1
            while end < len(lines) and (not lines[end].strip() or indent_of(lines[end]) > indent_of(line)):
                end += 1
            while not lines[end - 1].strip():
                end -= 1
            found.append((start, end))
    return found


def add_step(lines, paths, chance, word):
    start, end = chance.choice(steps_of(lines))
    pad = " " * indent_of(lines[start])
    at = chance.choice([start, end])
    form = chance.choice([
        [f"{pad}- name: {word}", f"{pad}  run: echo {word}", ""],
        [f"{pad}# {word}", f"{pad}- run: |", f"{pad}    {word} one", f"{pad}    {word} two", ""],
        [f"{pad}-   uses: {word}/x@v1   # as the wiki says", f"{pad}    with: {{a: 1}}"],
    ])
    # What stands above a step is said of it.
    while at == start and lines[at - 1].lstrip().startswith("#"):
        at -= 1
        start -= 1
    return lines[:at] + form + lines[at:], []


def add_comment(lines, paths, chance, word):
    at = chance.choice(sorted(paths))
    return [*lines[:at], " " * indent_of(lines[at]) + f"# {word}", *lines[at:]], [paths[at]]


def comment_behind(lines, paths, chance, word):
    at = chance.choice([at for at in paths if not re.search(r"[|>]-?$|#", lines[at])])
    return [*lines[:at], f"{lines[at]}  # {word}", *lines[at + 1:]], [paths[at]]


def comment_at_end(lines, paths, chance, word):
    return [*lines, f"# {word}"], []


def change_value(lines, paths, chance, word):
    keys = "name|timeout-minutes|runs-on|working-directory|python-version|node-version|cancel-in-progress|group|run"
    at = chance.choice([at for at, line in enumerate(lines) if re.match(rf"\s*(- )?({keys}): [^|>]", line)])
    key, _ = lines[at].split(": ", 1)
    value = str(chance.randint(61, 99)) if key.endswith("minutes") else word
    return [*lines[:at], f"{key}: {value}", *lines[at + 1:]], []


def delete_step(lines, paths, chance, word):
    start, end = chance.choice(steps_of(lines))
    while not lines[start - 1].strip():
        start -= 1
    return lines[:start] + lines[end:], []


def delete_key(lines, paths, chance, word):
    keys = "timeout-minutes|cache|id|merge_group|persist-credentials"
    at = chance.choice([at for at, line in enumerate(lines) if re.match(rf"\s+({keys}):", line)])
    return lines[:at] + lines[at + 1:], []


def move_step(lines, paths, chance, word):
    steps = steps_of(lines)
    pairs = [(one, two) for one, two in zip(steps, steps[1:])
             if all(not line.strip() for line in lines[one[1]:two[0]]) and indent_of(lines[one[0]]) == indent_of(lines[two[0]])]
    if not pairs:
        return lines, []
    (a, b), (c, d) = chance.choice(pairs)
    return lines[:a] + lines[c:d] + lines[b:c] + lines[a:b] + lines[d:], []


def add_job(lines, paths, chance, word):
    return [*lines, "", f"  {word}:", "    runs-on: ubuntu-24.04", "    steps:", f"    - run: {word}  # ours"], []


def add_key(lines, paths, chance, word):
    start, _ = chance.choice(steps_of(lines))
    pad = " " * (indent_of(lines[start]) + 2)
    return [*lines[:start + 1], *chance.choice([[f"{pad}continue-on-error: true # {word}"], [f"{pad}shell: {word}"]]), *lines[start + 1:]], []


def add_to_script(lines, paths, chance, word):
    scripts = [at for at, line in enumerate(lines) if line.endswith("run: |")]
    if not scripts:
        return lines, []
    at = chance.choice(scripts) + 1
    return [*lines[:at], " " * indent_of(lines[at]) + word, *lines[at:]], []


def indent_all(lines, paths, chance, word):
    """An editor that steps in by four, items by two more than their dash."""
    return [" " * indent_of(line) + line if not line.lstrip().startswith("- ") else line for line in lines], []


EDITS = [add_step, add_step, add_comment, comment_behind, comment_at_end, change_value, change_value, delete_step, delete_key,
         move_step, add_job, add_key, add_to_script]


# What changes meanwhile.


def replace_all(folder, old, new):
    for path in folder.rglob("*"):
        if path.is_file() and ".github" not in path.parts and path.name in (".python-version", "Dockerfile", "pyproject.toml", ".nvmrc", "package.json", "requirements.txt"):
            path.write_text(path.read_text().replace(old, new))


def configured(text):
    def change(folder):
        path = folder / ".github/ci-tool.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return change


def newer_python(folder):
    for old in ("3.11", "3.12", "3.13"):
        replace_all(folder, old, "3.14")


def newer_node(folder):
    for old in ("20", "22"):
        replace_all(folder, f'"{old}', '"24')
    for path in folder.rglob(".nvmrc"):
        path.write_text("24\n")


def type_checks(folder):
    for path in folder.rglob("requirements.txt"):
        path.write_text(path.read_text() + "mypy\n")
        (path.parent / "mypy.ini").write_text("[mypy]\n")


def new_component(folder):
    new = folder / "services/reports"
    (new / "tests").mkdir(parents=True)
    (new / "requirements.txt").write_text("flask\npytest\nruff\n")
    (new / "tests/test_a.py").write_text("def test_a():\n    assert True\n")


def newer_template(edit):
    """The templates as they will be some day: with another version, and other texts."""
    def change(folder):
        ours = folder / "ci-templates"
        for name in ("backend-ci", "frontend-ci", "security-scan", "deploy", "partials"):
            shutil.copytree(ROOT / "workflows-templates" / name, ours / name)
        for path in ours.rglob("template.toml"):
            path.write_text(re.sub(r"version = \d+", "version = 99", path.read_text()))
        for path in ours.rglob("*.yml"):
            path.write_text(edit(path.read_text()))
        configured("generate:\n  templates: [ci-templates]\n")(folder)
    return change


def with_a_step(text):
    return text.replace("      - name: Check out\n", "      - name: Say where it runs\n        run: uname -a\n\n      - name: Check out\n")


def with_other_names(text):
    return text.replace("name: Check out\n", "name: Check the source out\n").replace("name: Install dependencies", "name: Install")


def with_another_script(text):
    return text.replace('echo "Results: $RESULTS"', 'echo "All results: $RESULTS"').replace("persist-credentials: false", "persist-credentials: false\n          lfs: false")


CHANGES = [newer_template(with_a_step), newer_template(with_other_names), newer_template(with_another_script), newer_python, newer_node, type_checks, new_component, configured("generate:\n  timeout-minutes: 45\n"),
           configured("generate:\n  runner: ubuntu-22.04\n"), configured("generate:\n  default-branch: trunk\n")]


# The tools. Each answers with the text and whether it reports a conflict.


def without_mark(text):
    return "".join(line for line in text.splitlines(True) if not line.startswith("# ci-tool: "))


def with_ci_tool(project, file, base, theirs, ours):
    done = run(BIN, "generate", cwd=project, expected=(0, 1))
    return without_mark((project / file).read_text()), done.returncode == 1


def with_git(project, file, base, theirs, ours):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, text in (("theirs", theirs), ("base", base), ("ours", ours)):
            (folder / name).write_text(text)
        done = run("git", "merge-file", "-p", "theirs", "base", "ours", cwd=folder, expected=None)
        return done.stdout, done.returncode != 0


def with_copier(project, file, base, theirs, ours):
    with tempfile.TemporaryDirectory() as folder:
        template, target = pathlib.Path(folder, "template"), pathlib.Path(folder, "target")
        template.mkdir()
        run("git", "init", "--quiet", cwd=template)
        (template / "{{ _copier_conf.answers_file }}.jinja").write_text("{{ _copier_answers|to_nice_yaml }}")
        for tag, text in (("v1", base), ("v2", ours)):
            (template / "file.yml").write_text(text)
            run("git", "add", "--all", cwd=template)
            run("git", "commit", "--quiet", "--message", tag, cwd=template)
            run("git", "tag", tag, cwd=template)
        copier = PEERS / "py/bin/copier"
        run(copier, "copy", "--quiet", "--defaults", "--vcs-ref", "v1", template, target, cwd=folder)
        (target / "file.yml").write_text(theirs)
        run("git", "init", "--quiet", cwd=target)
        run("git", "add", "--all", cwd=target)
        run("git", "commit", "--quiet", "--message", "edited", cwd=target)
        run(copier, "update", "--quiet", "--defaults", "--vcs-ref", "v2", cwd=target)
        text = (target / "file.yml").read_text()
        return text, "<<<<<<< " in text or any(target.rglob("*.rej"))


TOOLS = {"ci-tool generate": with_ci_tool, "git merge-file": with_git, "copier update": with_copier}


def under(path, folder):
    return path[:len(folder)] == folder


def judge(base, theirs, ours, commented):
    """'none', 'real' or 'either': whether both sides touched the same. And what only the new version changed."""
    b, t, o = parsed(base, base), parsed(theirs, base), parsed(ours, base)
    missing = object()
    by_person = {path for path in b.keys() | t.keys() if b.get(path, missing) != t.get(path, missing)}
    by_version = {path for path in b.keys() | o.keys() if b.get(path, missing) != o.get(path, missing)}
    verdict = "none"
    for path in by_version:
        changed, dropped = path in o, path not in o
        if path in by_person and t.get(path, missing) != o.get(path, missing):
            if path[-1] in ("run", "uses") or path not in t:
                verdict = "either" if verdict == "none" else verdict
            else:
                verdict = "real"
        # A comment at a value that changes, or in a block that goes.
        if any(comment == path or (dropped and under(path, comment)) for comment in commented):
            verdict = "real"
        # A value or a step of a person's in a block that goes.
        gone = next((path[:at] for at in range(1, len(path) + 1) if not any(under(known, path[:at]) for known in o)), None)
        if dropped and gone and any(under(mine, gone) and mine in t for mine in by_person):
            verdict = "real"
    # A block that a person removed or reordered has no place for what is new in it.
    def is_gone(path):
        return any(not any(under(known, path[:at]) for known in t) for at in range(1, len(path)) if any(under(known, path[:at]) for known in b))

    lost = {path for path in by_version - by_person if (path in b and path not in t) or is_gone(path)}
    if lost:
        verdict = "either" if verdict == "none" else verdict
    return verdict, {path: o.get(path, missing) for path in by_version if path in o and path not in by_person and path not in lost}


def scenario(chance):
    """A project with an edited file and a change; what was generated first, what is there, what is generated now."""
    while True:
        folder = pathlib.Path(tempfile.mkdtemp())
        project, other = folder / "project", folder / "other"
        shutil.copytree(ROOT / "tests/fixtures" / chance.choice(SAMPLES), project)
        run(BIN, "generate", cwd=project, expected=(0, 1))
        change = chance.choice(CHANGES)
        files = sorted((project / ".github/workflows").glob("*.yml"))
        file = chance.choice(files).relative_to(project)
        with_mark = (project / file).read_text()
        lines, commented = with_mark.splitlines(), []
        kinds = [chance.choice(EDITS) for _ in range(chance.randint(1, 4))]
        if chance.random() < 0.1:
            kinds.append(indent_all)
        for number, edit in enumerate(kinds):
            try:
                paths = paths_of_lines("\n".join(lines) + "\n")
            except yaml.YAMLError:
                break
            try:
                lines, touched = edit(lines, paths, chance, f"mine{number}x{chance.randint(100, 999)}")
            except IndexError:
                continue  # an earlier edit took away all that this one could be made to
            commented += touched
        edited = "\n".join(lines) + "\n"
        (project / file).write_text(edited)
        change(project)
        shutil.copytree(project, other)
        shutil.rmtree(other / ".github/workflows")
        (other / ".github/ci-tool.lock").unlink()
        run(BIN, "generate", cwd=other, expected=(0, 1))
        base, theirs = without_mark(with_mark), without_mark(edited)
        ours = without_mark((other / file).read_text()) if (other / file).exists() else base
        if ours != base and theirs != base and loaded(theirs) is not None:
            return folder, project, file, base, theirs, ours, commented, [edit.__name__ for edit in kinds], change
        shutil.rmtree(folder)


def main():
    chance = random.Random(2026)
    table = {tool: collections.Counter() for tool in TOOLS}
    verdicts = collections.Counter()
    for number in range(SCENARIOS):
        folder, project, file, base, theirs, ours, commented, kinds, change = scenario(chance)
        verdict, updates = judge(base, theirs, ours, commented)
        verdicts[verdict] += 1
        mine = lines_of(theirs) - lines_of(base)
        for tool, join in TOOLS.items():
            text, conflict = join(project, str(file), base, theirs, ours)
            row, told = table[tool], []
            row["conflict" if conflict else "joined"] += 1
            if conflict and verdict == "none":
                told.append("false conflict")
            if "<<<<<<< " in text:
                row["markers"] += 1
            lost = mine - lines_of(text)
            if lost:
                row["lines"] += sum(lost.values())
                told.append("lost line")
            if not conflict:
                result = parsed(text, base)
                if result is None:
                    told.append("broken YAML")
                elif any(result.get(path) != value for path, value in updates.items()):
                    told.append("lost update")
            for word in told:
                row[word] += 1
            if told and os.environ.get("VERBOSE"):
                print(f"{number} {tool} {told} {kinds} {file}", file=sys.stderr)
                if tool.startswith("ci-tool"):
                    kept = pathlib.Path(os.environ["VERBOSE"], str(number))
                    kept.mkdir(parents=True, exist_ok=True)
                    for name, content in (("base", base), ("theirs", theirs), ("ours", ours), ("result", text)):
                        (kept / name).write_text(content)
        shutil.rmtree(folder)
    print(f"{SCENARIOS} scenarios; both sides touched the same in {verdicts['real']}, "
          f"in {verdicts['either']} either answer is right, in {verdicts['none']} nothing stands against joining.\n")
    print("| | joined | conflict reported | false conflicts | with a lost line | lost lines | with a lost update | broken YAML | file left with markers |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for tool, row in table.items():
        cells = [row[key] for key in ("joined", "conflict", "false conflict", "lost line", "lines", "lost update", "broken YAML", "markers")]
        print(f"| `{tool}` | {' | '.join(map(str, cells))} |")


main()
