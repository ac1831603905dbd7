//! `--pr`: a GitHub whose objects and branches are those of a real git repository. What a run
//! proposes is compared with what it would write; what others push is never lost.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::common::github::CANARY;
use crate::common::rest::{Answer, Answers, Description, Question, Rest, refuse};
use crate::common::{Run, command, finish, git, sample, write};

struct Forge {
    description: Description,
    bare: PathBuf,
    pulls: Vec<Value>,
    /// What is said in place of an answer to what contains the text.
    refusal: Option<(&'static str, u16, &'static str)>,
    /// Somebody pushes to the branch right before it is moved.
    is_raced: bool,
}

impl Forge {
    fn git(&self, arguments: &[&str], input: &str, index: Option<&Path>) -> Option<String> {
        let mut command = Command::new("git");
        command
            .arg("--git-dir")
            .arg(&self.bare)
            .args(arguments)
            .env("GIT_AUTHOR_NAME", "github-actions[bot]")
            .env("GIT_AUTHOR_EMAIL", "bot@example.com")
            .env("GIT_COMMITTER_NAME", "GitHub")
            .env("GIT_COMMITTER_EMAIL", "noreply@example.com")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(index) = index {
            command.env("GIT_INDEX_FILE", index);
        }
        let mut child = command.spawn().expect("git starts");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(input.as_bytes()).expect("taken");
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(said)
    }

    fn reference(&self, branch: &str) -> Option<Value> {
        let sha = self.git(
            &["rev-parse", "--verify", &format!("refs/heads/{branch}")],
            "",
            None,
        )?;
        let mut found = self.description.example("git-ref");
        found["ref"] = json!(format!("refs/heads/{branch}"));
        found["object"]["sha"] = json!(sha);
        found["object"]["type"] = json!("commit");
        Some(found)
    }

    fn compared(&self, base: &str, head: &str) -> Option<Value> {
        let count = |from: &str, to: &str| -> Option<usize> {
            let said = self.git(&["rev-list", "--count", &format!("{from}..{to}")], "", None)?;
            said.parse().ok()
        };
        let (ahead, behind) = (count(base, head)?, count(head, base)?);
        let mut found = self.description.example("commit-comparison");
        found["status"] = json!(match (ahead, behind) {
            (0, 0) => "identical",
            (_, 0) => "ahead",
            (0, _) => "behind",
            _ => "diverged",
        });
        found["total_commits"] = json!(ahead);
        let item = found["commits"][0].clone();
        let list = self.git(
            &["rev-list", "--reverse", &format!("{base}..{head}")],
            "",
            None,
        )?;
        let commits = list.lines().map(|sha| {
            let mut item = item.clone();
            item["sha"] = json!(sha);
            item["commit"]["message"] =
                json!(self.git(&["show", "--no-patch", "--format=%B", sha], "", None));
            item["commit"]["tree"]["sha"] =
                json!(self.git(&["rev-parse", &format!("{sha}^{{tree}}")], "", None));
            item
        });
        found["commits"] = commits.collect();
        Some(found)
    }

    fn tree(&self, body: &Value) -> Option<Value> {
        let folder = tempfile::tempdir().expect("temporary folder");
        let index = folder.path().join("index");
        let index = Some(index.as_path());
        let base = body["base_tree"].as_str()?;
        self.git(&["read-tree", base], "", index)?;
        for entry in body["tree"].as_array()? {
            let path = entry["path"].as_str()?;
            match entry["content"].as_str() {
                Some(text) => {
                    let sha = self.git(&["hash-object", "-w", "--stdin"], text, None)?;
                    let info = format!("{},{sha},{path}", entry["mode"].as_str()?);
                    self.git(&["update-index", "--add", "--cacheinfo", &info], "", index)?;
                }
                None => {
                    assert!(entry["sha"].is_null(), "{entry}");
                    self.git(&["update-index", "--force-remove", path], "", index)?;
                }
            }
        }
        let mut made = self.description.example("git-tree");
        made["sha"] = json!(self.git(&["write-tree"], "", index)?);
        Some(made)
    }

    fn pull(&mut self, at: usize, body: &Value) -> Value {
        for key in ["title", "body"] {
            self.pulls[at][key] = body[key].clone();
        }
        let mut told = self.description.example("pull-request");
        // The example is older than the description beside it.
        told["requested_teams"] = json!([]);
        for key in ["number", "html_url", "title", "body"] {
            told[key] = self.pulls[at][key].clone();
        }
        told
    }

    /// A commit that somebody pushes to a branch of the server.
    fn push(&self, branch: &str, message: &str) -> String {
        let name = format!("refs/heads/{branch}");
        let tree = format!("{name}^{{tree}}");
        let commit = ["commit-tree", &tree, "-p", &name, "-m", message];
        let commit = self.git(&commit, "", None).expect("made");
        self.git(&["update-ref", &name, &commit], "", None)
            .expect("moved");
        commit
    }
}

impl Answers for Forge {
    fn answer(&mut self, question: &Question<'_>) -> Answer {
        if question.token != format!("Bearer {CANARY}") {
            return refuse(401, "Bad credentials");
        }
        let asked = format!("{} {}", question.method, question.target);
        if let Some((_, status, message)) = self.refusal.filter(|(part, ..)| asked.contains(part)) {
            return refuse(status, message);
        }
        let (path, query) = question
            .target
            .split_once('?')
            .unwrap_or((question.target, ""));
        let path = path.strip_prefix("/repos/acme/shop").unwrap_or("/nothing");
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let found = match (question.method, &parts[..]) {
            ("GET", []) => {
                let mut found = self.description.example("full-repository-default-response");
                found["language"] = json!(null);
                found.as_object_mut().expect("an object").remove("source");
                found["default_branch"] = json!("main");
                Some(found)
            }
            ("GET", ["git", "ref", "heads", branch @ ..]) => self.reference(&branch.join("/")),
            ("GET", ["compare", both]) => {
                let (base, head) = both.split_once("...").expect("two");
                self.compared(base, head)
            }
            ("GET", ["git", "commits", sha]) => {
                let tree = self.git(&["rev-parse", &format!("{sha}^{{tree}}")], "", None);
                let mut found = self.description.example("git-commit-2");
                found["sha"] = json!(sha);
                found["tree"]["sha"] = json!(tree);
                tree.map(|_| found)
            }
            ("POST", ["git", "trees"]) => self.tree(&question.json()),
            ("POST", ["git", "commits"]) => {
                let body = question.json();
                let text = |value: &Value| value.as_str().expect("a text").to_owned();
                let tree = text(&body["tree"]);
                let parents: Vec<String> = body["parents"]
                    .as_array()
                    .expect("a list")
                    .iter()
                    .map(text)
                    .collect();
                let mut arguments = vec!["commit-tree", &tree, "-F", "-"];
                arguments.extend(parents.iter().flat_map(|parent| ["-p", parent]));
                let sha = self.git(&arguments, &text(&body["message"]), None);
                let mut made = self.description.example("git-commit");
                made["sha"] = json!(sha);
                sha.map(|_| made)
            }
            ("POST", ["git", "refs"]) => {
                let body = question.json();
                let (name, sha) = (
                    body["ref"].as_str().expect("a text"),
                    body["sha"].as_str().expect("a text"),
                );
                let branch = name.strip_prefix("refs/heads/").expect("a branch");
                if self.reference(branch).is_some() {
                    return refuse(422, "Reference already exists");
                }
                self.git(&["update-ref", name, sha], "", None);
                self.reference(branch)
            }
            ("PATCH", ["git", "refs", "heads", branch @ ..]) => {
                let branch = branch.join("/");
                if self.is_raced {
                    self.push(&branch, "in between");
                }
                let body = question.json();
                let (name, sha) = (
                    format!("refs/heads/{branch}"),
                    body["sha"].as_str().expect("a text"),
                );
                assert_eq!(body["force"], false);
                if self
                    .git(&["merge-base", "--is-ancestor", &name, sha], "", None)
                    .is_none()
                {
                    return refuse(422, "Update is not a fast forward");
                }
                self.git(&["update-ref", &name, sha], "", None);
                self.reference(&branch)
            }
            ("GET", ["pulls"]) => {
                let mut item = self.description.example("pull-request-simple-items")[0].clone();
                item["requested_teams"] = json!([]);
                let fits = |one: &&Value| {
                    let head = one["head"].as_str().expect("a text").replace('/', "%2F");
                    query.contains(&format!("head=acme%3A{head}&base=main"))
                        && query.contains("state=open")
                };
                let list = self.pulls.iter().filter(fits).map(|one| {
                    let mut item = item.clone();
                    item["number"] = one["number"].clone();
                    item["html_url"] = one["html_url"].clone();
                    item
                });
                Some(list.collect())
            }
            ("POST", ["pulls"]) => {
                let body = question.json();
                let number = self.pulls.len() + 1;
                let url = format!("https://github.com/acme/shop/pull/{number}");
                self.pulls
                    .push(json!({"number": number, "html_url": url, "head": body["head"]}));
                assert_eq!(body["base"], "main");
                Some(self.pull(number - 1, &body))
            }
            ("PATCH", ["pulls", number]) => {
                let at: usize = number.parse().expect("a number");
                Some(self.pull(at - 1, &question.json()))
            }
            _ => None,
        };
        match found {
            Some(found) => {
                let status = if question.method == "POST" { 201 } else { 200 };
                (status, Vec::new(), found)
            }
            None => refuse(404, "Not Found"),
        }
    }
}

struct Shop {
    folder: tempfile::TempDir,
    github: Rest<Forge>,
}

const BRANCH: &str = "ci-tool/generate";

impl Shop {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let (work, bare) = (folder.path().join("work"), folder.path().join("bare.git"));
        std::fs::create_dir(&work).expect("created");
        crate::common::copy(sample("fastapi-nextjs").path(), &work);
        write(&work, "deploy.sh", "#!/bin/sh\nsleep 10\n");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(work.join("deploy.sh"), mode).expect("set");
        git(&work, &["init", "--quiet"]);
        git(&work, &["add", "--all"]);
        git(&work, &["commit", "--quiet", "--message", "one"]);
        git(
            &work,
            &[
                "clone",
                "--quiet",
                "--bare",
                ".",
                &bare.display().to_string(),
            ],
        );
        git(
            &work,
            &["remote", "add", "origin", &bare.display().to_string()],
        );
        let github = Rest::start(Forge {
            description: Description::read(),
            bare,
            pulls: Vec::new(),
            refusal: None,
            is_raced: false,
        });
        Self { folder, github }
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let mut command = command();
        command
            .args(arguments)
            .current_dir(self.work())
            .env("GITHUB_API_URL", &self.github.url)
            .env("GITHUB_REPOSITORY", "acme/shop")
            .env("GITHUB_TOKEN", CANARY);
        let run = finish(&mut command);
        assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY));
        run
    }

    /// Commits to the default branch, here and at the server.
    /// The action with these inputs ends well, and tells the first pull request.
    fn acts(&self, inputs: &[(&str, &str)]) {
        let outputs = self.folder.path().join("outputs");
        let mut action = command();
        action
            .arg("action")
            .current_dir(self.work())
            .env("GITHUB_API_URL", &self.github.url)
            .env("GITHUB_REPOSITORY", "acme/shop")
            .env("GITHUB_OUTPUT", &outputs)
            .env("INPUT_TOKEN", CANARY);
        for (name, value) in inputs {
            action.env(format!("INPUT_{name}"), value);
        }
        let run = finish(&mut action);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let told = std::fs::read_to_string(&outputs).expect("written");
        let output = "pull-request<<ci-tool-end\nhttps://github.com/acme/shop/pull/1\n";
        assert!(told.contains(output), "{told}");
        std::fs::remove_file(&outputs).expect("removed");
    }

    fn main_goes_on(&self, path: &str, text: &str) {
        write(&self.work(), path, text);
        git(&self.work(), &["add", "--all"]);
        git(&self.work(), &["commit", "--quiet", "--message", "goes on"]);
        git(&self.work(), &["push", "--quiet", "origin", "HEAD:main"]);
    }

    fn said(&self, arguments: &[&str]) -> String {
        let said = self.github.lock().git(arguments, "", None);
        said.unwrap_or_else(|| panic!("{arguments:?}"))
    }

    /// Whether the branch holds what `generate` writes here.
    fn holds_what_is_written(&self, branch: &str, arguments: &[&str]) {
        let there = self.folder.path().join("written");
        let _ = std::fs::remove_dir_all(&there);
        std::fs::create_dir(&there).expect("created");
        crate::common::copy(&self.work(), &there);
        let run = finish(command().args(arguments).current_dir(&there));
        assert!(run.code <= 1, "{}", run.stderr);
        git(&there, &["add", "--all"]);
        let mut tree = Command::new("git");
        let tree = tree
            .args(["write-tree"])
            .current_dir(&there)
            .output()
            .expect("git");
        assert_eq!(
            String::from_utf8_lossy(&tree.stdout).trim(),
            self.said(&["rev-parse", &format!("{branch}^{{tree}}")])
        );
    }
}

#[test]
fn what_would_be_written_is_proposed_and_kept_up_to_date() {
    let shop = Shop::new();
    let head = shop.said(&["rev-parse", "main"]);
    let run = shop.run(&["generate", "--pr"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stderr
            .contains("opened https://github.com/acme/shop/pull/1"),
        "{}",
        run.stderr
    );
    assert!(
        !shop
            .work()
            .join(".github/workflows/backend-ci.yml")
            .exists(),
        "nothing is written here"
    );
    shop.holds_what_is_written(BRANCH, &["generate"]);
    assert_eq!(shop.said(&["rev-parse", &format!("{BRANCH}^")]), head);
    {
        let forge = shop.github.lock();
        let body = forge.pulls[0]["body"].as_str().expect("a text");
        assert!(
            body.contains("| would create | `.github/workflows/backend-ci.yml` |"),
            "{body}"
        );
        assert!(body.contains("```mermaid"), "{body}");
    }
    // Ten questions at most, and nothing new the second time.
    assert!(shop.github.asked() <= 10, "{}", shop.github.asked());
    let tip = shop.said(&["rev-parse", BRANCH]);
    let run = shop.run(&["generate", "--pr"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr.contains("pull/1 holds all of it"),
        "{}",
        run.stderr
    );
    assert_eq!(shop.said(&["rev-parse", BRANCH]), tip);

    // The same as the action.
    shop.acts(&[("COMMAND", "generate"), ("PR", "true")]);

    // The default branch goes on: the branch does, too, and never by force.
    shop.main_goes_on(
        "backend/requirements-dev.txt",
        "pytest==8.3.3\nruff==0.6.9\nmypy==1.11.2\n",
    );
    shop.main_goes_on("infra/x.txt", "x\n");
    let run = shop.run(&["generate", "--pr"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr
            .contains("brought https://github.com/acme/shop/pull/1 up to date"),
        "{}",
        run.stderr
    );
    shop.holds_what_is_written(BRANCH, &["generate"]);
    shop.said(&["merge-base", "--is-ancestor", &tip, BRANCH]);
    shop.said(&["merge-base", "--is-ancestor", "main", BRANCH]);
    assert_eq!(shop.github.lock().pulls.len(), 1);

    // What was merged leaves nothing to propose.
    git(&shop.work(), &["fetch", "--quiet", "origin"]);
    git(
        &shop.work(),
        &[
            "merge",
            "--quiet",
            "--ff-only",
            &shop.said(&["rev-parse", BRANCH]),
        ],
    );
    git(&shop.work(), &["push", "--quiet", "origin", "HEAD:main"]);
    let run = shop.run(&["generate", "--pr"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("nothing to propose"), "{}", run.stderr);
    shop.github.follows_the_description();
}

#[test]
fn what_others_push_stays_theirs() {
    let shop = Shop::new();
    assert_eq!(shop.run(&["generate", "--pr"]).code, 0);
    let theirs = shop.github.lock().push(BRANCH, "a person's");
    for line in ["x", "y"] {
        let run = shop.run(&["generate", "--pr"]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(
            run.stderr.contains("commits of others") && run.stderr.contains("a person's"),
            "{}",
            run.stderr
        );
        assert_eq!(shop.said(&["rev-parse", BRANCH]), theirs);
        shop.main_goes_on("infra/y.txt", line);
    }
    shop.github.follows_the_description();

    // Our message over other files is theirs, too.
    let shop = Shop::new();
    assert_eq!(shop.run(&["generate", "--pr"]).code, 0);
    let message = shop.said(&["show", "--no-patch", "--format=%B", BRANCH]);
    let amended = shop.said(&["commit-tree", "main^{tree}", "-p", "main", "-m", &message]);
    shop.said(&["update-ref", &format!("refs/heads/{BRANCH}"), &amended]);
    let run = shop.run(&["generate", "--pr"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert_eq!(shop.said(&["rev-parse", BRANCH]), amended);

    // Somebody pushes between our look and our push.
    let shop = Shop::new();
    assert_eq!(shop.run(&["generate", "--pr"]).code, 0);
    shop.main_goes_on("infra/y.txt", "x");
    shop.github.lock().is_raced = true;
    let run = shop.run(&["generate", "--pr"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("this very moment"), "{}", run.stderr);
    assert_eq!(
        shop.said(&["show", "--no-patch", "--format=%s", BRANCH]),
        "in between"
    );
    shop.github.lock().is_raced = false;
    assert_eq!(shop.run(&["generate", "--pr"]).code, 1);
}

#[test]
fn what_cannot_be_proposed_says_why() {
    let shop = Shop::new();
    for (part, status, message, mend) in [
        (
            "POST /repos/acme/shop/git/refs",
            403,
            "refusing to allow a GitHub App to create or update workflow `.github/workflows/x.yml` without `workflows` permission",
            "`workflows`",
        ),
        (
            "POST /repos/acme/shop/git/trees",
            403,
            "Resource not accessible by integration",
            "contents: write",
        ),
        (
            "POST /repos/acme/shop/pulls",
            403,
            "GitHub Actions is not permitted to create or approve pull requests.",
            "Allow GitHub Actions",
        ),
    ] {
        shop.github.lock().refusal = Some((part, status, message));
        let run = shop.run(&["generate", "--pr"]);
        assert_eq!(run.code, 3, "{}", run.stderr);
        assert!(run.stderr.contains(mend), "{mend}: {}", run.stderr);
    }
    // The branch is there by now, and the pull request comes as soon as it may.
    shop.github.lock().refusal = None;
    let run = shop.run(&["generate", "--pr"]);
    assert!(run.stderr.contains("opened"), "{}", run.stderr);

    // Another commit than the default branch's, and what is not committed.
    write(
        &shop.work(),
        ".github/workflows/backend-ci.yml",
        "name: mine\n",
    );
    let run = shop.run(&["generate", "--pr", "--force"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("is not committed"), "{}", run.stderr);
    std::fs::remove_file(shop.work().join(".github/workflows/backend-ci.yml")).expect("removed");
    git(
        &shop.work(),
        &[
            "commit",
            "--quiet",
            "--allow-empty",
            "--message",
            "not pushed",
        ],
    );
    let run = shop.run(&["generate", "--pr=another"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(
        run.stderr.contains("check out the default branch"),
        "{}",
        run.stderr
    );
    assert_eq!(shop.github.lock().pulls.len(), 1);
    for arguments in [
        &["generate", "--pr", "--dry-run"][..],
        &["generate", "--pr", "--check"],
        &["audit", "--pr"],
    ] {
        assert_eq!(shop.run(arguments).code, 2, "{arguments:?}");
    }
}

#[test]
fn the_remote_names_the_repository_where_no_job_does() {
    let shop = Shop::new();
    let by = |origin: &str| {
        git(&shop.work(), &["remote", "set-url", "origin", origin]);
        let mut command = command();
        command
            .args(["generate", "--pr"])
            .current_dir(shop.work())
            .env("GITHUB_API_URL", &shop.github.url)
            .env("GITHUB_TOKEN", CANARY);
        finish(&mut command)
    };
    for origin in [
        "https://gitlab.com/acme/shop.git",
        "https://notgithub.com/acme/shop",
        "https://example.com/github.com/shop",
        "https://x:secret@github.com/acme/shop",
    ] {
        let run = by(origin);
        assert_eq!(run.code, 2, "{origin}: {}", run.stderr);
        assert!(!run.stderr.contains("secret@"), "{}", run.stderr);
    }
    assert_eq!(shop.github.asked(), 0);
    let run = by("git@github.com:acme/shop.git");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = by("https://github.com/acme/shop");
    assert!(run.stderr.contains("holds all of it"), "{}", run.stderr);
}

#[test]
fn what_the_audit_mends_is_proposed() {
    let shop = Shop::new();
    let path = "scripts/deploy-all.sh";
    let script = std::fs::read_to_string(shop.work().join(path)).expect("read");
    shop.main_goes_on(path, &format!("\u{feff}{script}"));
    let run = shop.run(&["audit", "--fix", "--fix-unsafe", "--pr"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("opened"), "{}", run.stderr);
    shop.holds_what_is_written("ci-tool/audit-fix", &["audit", "--fix", "--fix-unsafe"]);
    // A byte order mark stays, which no line of the file shows.
    let script = shop.said(&["show", "ci-tool/audit-fix:scripts/deploy-all.sh"]);
    assert!(script.starts_with('\u{feff}'), "{script}");
    // A script stays one that can be run.
    let mode = shop.said(&["ls-tree", "ci-tool/audit-fix", "deploy.sh"]);
    assert!(mode.starts_with("100755 "), "{mode}");
    let body = shop.github.lock().pulls[0]["body"].clone();
    let body = body.as_str().expect("a text");
    assert!(body.contains("| rule | place | what was done |"), "{body}");
    // The same as the action, which says where it is.
    shop.acts(&[
        ("COMMAND", "audit"),
        ("FIX", "true"),
        ("FIX-UNSAFE", "true"),
        ("PR", "true"),
    ]);
    shop.github.follows_the_description();
}
