#!/usr/bin/env python3
"""Judge detection on public repositories against tests/public/expectations.toml.

Usage: public-repositories.py BIN MIRROR_DIR [NAME...]

BIN is the ci-tool binary. MIRROR_DIR holds one bare git directory per repository, as
MIRROR_DIR/owner+name/repo or MIRROR_DIR/owner+name.git. NAME (owner/name) limits the run.
Each repository is exported at its commit to a temporary folder that is removed afterwards.
Exit status: 0 when everything agrees, 1 when something differs, 2 when the run itself could not be made.
"""

import fnmatch
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import tomllib

EXPECTATIONS = pathlib.Path(__file__).resolve().parent.parent / "tests/public/expectations.toml"
COMMAND_TIMEOUT = 120  # seconds; a detector that takes longer on any of these has hung

COMPONENT_KEYS = {
    "root", "language", "role", "framework", "version", "version_from", "package_manager", "lock_file",
    "workspace", "steps", "test", "test_directory", "install", "migrations", "services", "environment",
    "supported_versions", "contradicted", "no", "no_steps", "no_services", "forbidden",
}
REPOSITORY_KEYS = {"name", "commit", "note", "not", "undecided", "component", "covered", "uncovered"}


def fail(message):
    print(message, file=sys.stderr)
    raise SystemExit(2)


def as_list(value):
    return value if isinstance(value, list) else [value]


def value_of(component, key):
    fact = component.get(key)
    return fact.get("value") if isinstance(fact, dict) else None


def lines_of(fact):
    return [f"{e.get('path')}:{e.get('line')}" for e in (fact or {}).get("evidence", [])]


def commands(component, kind=None):
    return [s for s in component.get("steps", []) if kind in (None, s.get("kind"))]


def service_kinds(component):
    """Names and image names of a component's services, so that `db` with image postgres:15 counts as postgres."""
    kinds = set()
    for service in component.get("services", []):
        kinds.add(service.get("name", ""))
        kinds.add(service.get("image", "").split("@")[0].rsplit("/", 1)[-1].split(":")[0])
    return kinds


class Tally:
    """What was checked in one repository and what differed."""

    def __init__(self):
        self.expected = self.found = self.checked = self.right = 0
        self.differences = []

    def check(self, right, message):
        self.checked += 1
        if right:
            self.right += 1
        else:
            self.differences.append(message)


def check_component(want, got, tally):
    label = f"{want['root']} ({want['language']})"

    def check(right, key, expected, actual):
        tally.check(right, f"wrong    {label}: {key} should be {expected}, is {actual}")

    def absent(fact):
        value = got.get(fact)
        if fact == "version":  # a default without evidence is allowed
            return value is None or not value.get("evidence")
        return not value

    # Plain values.
    if "role" in want:
        check(got.get("role") == want["role"], "role", want["role"], got.get("role"))
    for key in ("framework", "package_manager"):
        if key in want:
            check(value_of(got, key) == want[key], key, want[key], value_of(got, key))
    if "lock_file" in want:
        actual = (got.get("lock_file") or {}).get("path")
        check(actual == want["lock_file"], "lock_file", want["lock_file"], actual)
    if "workspace" in want:
        actual = (got.get("workspace") or {}).get("root")
        check(actual == want["workspace"], "workspace", want["workspace"], actual)
    if "version" in want:
        actual = value_of(got, "version")
        check(actual in as_list(want["version"]), "version", want["version"], actual)
    if "version_from" in want:
        actual = lines_of(got.get("version"))
        check(bool(set(actual) & set(as_list(want["version_from"]))), "version_from", want["version_from"], actual)
    if "supported_versions" in want:
        actual = value_of(got, "supported_versions")
        check(sorted(actual or []) == sorted(want["supported_versions"]), "supported_versions", want["supported_versions"], actual)
    for fact in want.get("contradicted", []):
        found = isinstance(got.get(fact), dict) and got[fact].get("contradictions")
        check(bool(found), f"{fact} contradictions", "named", "none")
    for fact in want.get("no", []):
        check(absent(fact), fact, "absent", got.get(fact))

    # Steps and their commands.
    kinds = {s.get("kind") for s in commands(got)}
    for kind in want.get("steps", []):
        check(kind in kinds, f"step {kind}", "present", f"absent (steps: {sorted(kinds)})")
    for kind in want.get("no_steps", []):
        check(kind not in kinds, f"step {kind}", "absent", [s.get("run") for s in commands(got, kind)])
    for kind in ("test", "migrations"):
        if kind in want:
            runs = [s.get("run", "") for s in commands(got, kind)]
            check(any(text in run for run in runs for text in as_list(want[kind])), f"{kind} command", want[kind], runs)
    if "test_directory" in want:
        actual = [s.get("directory") for s in commands(got, "test")]
        check(want["test_directory"] in actual, "test directory", want["test_directory"], actual)
    if "install" in want:
        actual = [c.get("run", "") for c in got.get("install", [])]
        check(any(text in run for run in actual for text in as_list(want["install"])), "install", want["install"], actual)
    for text in want.get("forbidden", []):
        bad = [s.get("run", "") for s in commands(got) if text in s.get("run", "") + "\n"]
        check(not bad, f"commands with {text!r}", "none", bad)

    # What the tests need.
    services = service_kinds(got)
    for name in want.get("services", []):
        check(name in services, f"service {name}", "present", sorted(services))
    for name in want.get("no_services", []):
        check(name not in services, f"service {name}", "absent", "present")
    names = {e.get("name") for e in got.get("environment", [])}
    for name in want.get("environment", []):
        check(name in names, f"environment {name}", "present", sorted(names))


def matches(pattern, root, language):
    """Whether `pattern` (a root, or root:language; * allowed) names this component."""
    place, separator, wanted = pattern.rpartition(":")
    if not separator:
        place, wanted = pattern, "*"
    if wanted not in ("*", language):
        return False
    return place == root or ("*" in place and fnmatch.fnmatchcase(root, place))


def does(report, components, wanted):
    """Whether a workflow is reported to do a task for a component, named by its root or by its name."""
    names = {wanted["component"]}
    names |= {c.get("name") for c in components if c.get("root") == wanted["component"]}
    for workflow in report.get("workflows", []):
        if workflow.get("path") not in as_list(wanted["workflow"]):
            continue
        for task in workflow.get("does", []):
            # A scan looks at the whole repository, so it may name no component.
            whole = wanted["task"] == "security-scan" and not task.get("component")
            if task.get("task") == wanted["task"] and (whole or task.get("component") in names):
                return True
    return False


def compare(repository, report, tally):
    got = report.get("components", [])
    by_key = {}
    for component in got:
        key = (component.get("root"), component.get("language"))
        if key in by_key:
            tally.differences.append(f"twice    {key[0]} ({key[1]})")
        by_key[key] = component

    expected = repository.get("component", [])
    keys = {(c["root"], c["language"]) for c in expected}
    tally.expected = len(keys)
    for want in expected:
        component = by_key.get((want["root"], want["language"]))
        if component is None:
            tally.differences.append(f"missing  {want['root']} ({want['language']})")
        else:
            tally.found += 1
            check_component(want, component, tally)

    for root, language in sorted(by_key.keys() - keys):
        if any(matches(p, root, language) for p in repository.get("undecided", [])):
            continue
        known = any(matches(p, root, language) for p in repository.get("not", []))
        tally.differences.append(f"extra    {root} ({language}){', known not to be a component' if known else ''}")

    for wanted in repository.get("covered", []):
        text = f"{wanted['task']} of {wanted['component']} by {' or '.join(as_list(wanted['workflow']))}"
        tally.check(does(report, got, wanted), f"wrong    not seen as covered: {text}")
    for wanted in repository.get("uncovered", []):
        text = f"{wanted['task']} of {wanted['component']} by {' or '.join(as_list(wanted['workflow']))}"
        tally.check(not does(report, got, wanted), f"wrong    wrongly seen as covered: {text}")


def run_json(arguments):
    """Run a command that prints JSON; returns (value, None) or (None, what went wrong)."""
    try:
        result = subprocess.run(arguments, capture_output=True, text=True, timeout=COMMAND_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return None, f"took more than {COMMAND_TIMEOUT} s"
    problem = f"exit status {result.returncode}: {(result.stderr or result.stdout).strip()[-400:]}"
    if result.returncode != 0:
        return None, problem
    try:
        return json.loads(result.stdout), None
    except ValueError as error:
        return None, f"no JSON on standard output: {error}"


def git_directory(mirror, name):
    flat = name.replace("/", "+")
    for candidate in (mirror / flat / "repo", mirror / f"{flat}.git", mirror / flat):
        if (candidate / "HEAD").is_file():
            return candidate
    return None


def export(git_dir, commit, target):
    """Write the commit's files to `target`; returns the paths whose content the mirror lacks.

    `git archive` would leave out what `.gitattributes` marks as export-ignore, which is often .github itself,
    so the files come through an index of our own, which lies beside the export and not in the mirror.
    """
    index = f"{target}.index"
    environment = {**os.environ, "GIT_INDEX_FILE": index}

    def git(*arguments, **options):
        command = ["git", f"--git-dir={git_dir}", f"--work-tree={target}", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, check=True, **options).stdout

    git("read-tree", commit)
    blobs = {}
    for entry in git("ls-files", "-s", "-z").split(b"\0")[:-1]:
        mode, name, _ = entry.split(b"\t", 1)[0].split()
        if mode != b"160000":  # a submodule's commit is never in the repository
            blobs.setdefault(name, []).append(entry.split(b"\t", 1)[1])
    answers = git("cat-file", "--batch-check", input=b"\n".join(blobs) + b"\n")
    absent = [path for line in answers.splitlines() if line.endswith(b" missing") for path in blobs[line.split()[0]]]
    if absent:
        git("update-index", "--force-remove", "-z", "--stdin", input=b"\0".join(absent) + b"\0")
    git("checkout-index", "--all", "--quiet")
    return sorted(path.decode(errors="replace") for path in absent)


def initialise(path):
    """Give the export an index, since what git tracks is what a tool may look at; nothing is committed."""
    for arguments in (["init", "-q"], ["-c", "core.safecrlf=false", "add", "-A", "-f"]):
        subprocess.run(["git", "-C", path, *arguments], check=True, capture_output=True)


def judge(binary, mirror, repository):
    """Compare one repository; returns its tally."""
    tally = Tally()
    tally.expected = len(repository.get("component", []))
    git_dir = git_directory(mirror, repository["name"])
    if git_dir is None:
        tally.differences.append("unread   no git directory for it in the mirror folder")
        return tally
    with tempfile.TemporaryDirectory(prefix="public-repository-") as folder:
        # The last folder keeps the repository's name, since a component at the root may be named after it.
        path = os.path.join(folder, repository["name"].split("/")[1])
        os.mkdir(path)
        try:
            absent = export(git_dir, repository["commit"], path)
            initialise(path)
        except (OSError, subprocess.CalledProcessError) as error:
            detail = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
            tally.differences.append(f"unread   {error} {detail}")
            return tally
        needed = {c["lock_file"] for c in repository.get("component", []) if "lock_file" in c} & set(absent)
        if needed:
            tally.differences.append(f"unread   the mirror lacks {', '.join(sorted(needed))}")
            return tally

        report, problem = run_json([binary, "detect", "--format", "json", path])
        if problem:
            tally.differences.append(f"failed   detect: {problem}")
        else:
            compare(repository, report, tally)
        before = snapshot(path)
        _, problem = run_json([binary, "generate", "--dry-run", "--format", "json", path])
        tally.check(problem is None, f"failed   generate: {problem}")
        tally.check(snapshot(path) == before, "failed   generate --dry-run changed the repository")
    return tally


def snapshot(path):
    """Sizes and times of all files, to notice a dry run that writes."""
    found = {}
    for folder, folders, files in os.walk(path):
        if ".git" in folders:
            folders.remove(".git")
        for name in files:
            full = os.path.join(folder, name)
            status = os.lstat(full)
            found[full] = (status.st_size, status.st_mtime_ns)
    return found


def load(names):
    with open(EXPECTATIONS, "rb") as file:
        repositories = tomllib.load(file)["repository"]
    for repository in repositories:
        # A misspelt key would silently check nothing.
        unknown = set(repository) - REPOSITORY_KEYS
        for component in repository.get("component", []):
            unknown |= set(component) - COMPONENT_KEYS
        for wanted in repository.get("covered", []) + repository.get("uncovered", []):
            unknown |= {"task", "component", "workflow"} ^ set(wanted)
        if unknown:
            fail(f"{EXPECTATIONS.name}: {repository.get('name')}: unknown or missing keys: {', '.join(sorted(unknown))}")
    missing = set(names) - {r["name"] for r in repositories}
    if missing:
        fail(f"no expectations for {', '.join(sorted(missing))}")
    return [r for r in repositories if not names or r["name"] in names]


def main(arguments):
    if len(arguments) < 2 or arguments[0].startswith("-"):
        fail(__doc__.strip())
    binary, mirror = os.path.abspath(arguments[0]), pathlib.Path(arguments[1])
    if not os.access(binary, os.X_OK):
        fail(f"cannot run {arguments[0]}")
    if not mirror.is_dir():
        fail(f"no folder {arguments[1]}")

    total = Tally()
    agreeing = 0
    repositories = load(arguments[2:])
    for repository in repositories:
        tally = judge(binary, mirror, repository)
        agreeing += not tally.differences
        mark = "differs" if tally.differences else "agrees"
        print(f"{repository['name']}: {mark} "
              f"(components {tally.found}/{tally.expected}, facts {tally.right}/{tally.checked})")
        for difference in tally.differences:
            print(f"  {difference}")
        for field in ("expected", "found", "checked", "right"):
            setattr(total, field, getattr(total, field) + getattr(tally, field))
        total.differences += tally.differences

    kinds = [d.split()[0] for d in total.differences]
    print(f"\nrepositories that agree: {agreeing}/{len(repositories)}")
    print(f"components found: {total.found}/{total.expected}, extra: {kinds.count('extra')}")
    print(f"facts right: {total.right}/{total.checked}")
    return 1 if total.differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
