//! Deployments to Railway and Vercel, as far as their APIs can be had here: fakes with
//! state, written from their published descriptions, that fail as the real ones do.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::common::{Run, command, finish, follow_githubs_description, git, peers, root, write};

const TOKENS: [&str; 3] = [
    "railway-canary-token",
    "vercel-canary-token",
    "github-canary-token",
];

/// Fakes of all three, and a repository that is deployed there.
pub struct Cloud {
    child: Child,
    pub url: String,
    pub folder: tempfile::TempDir,
    pub commit: String,
}

impl Cloud {
    /// Both platforms, with an old release each, and a repository with a new commit. The
    /// queries are checked against Railway's schema where it is at hand.
    pub fn start() -> Self {
        let schema = root().join("../shared/facts/schemas/railway-graphql-introspection.json");
        let mut server = Command::new(peers().join("py/bin/python"));
        server.arg(root().join("scripts/fake-platforms.py"));
        server.arg(peers().join("github-api.json"));
        if schema.is_file() {
            server.arg(schema);
        } else {
            println!("skipped: queries are not checked against Railway's schema (no ../shared)");
        }
        let mut child = server.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut port = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut port)
            .expect("it prints its port");
        let folder = tempfile::tempdir().expect("temporary folder");
        git(folder.path(), &["init", "--quiet"]);
        let mut cloud = Self {
            child,
            url: format!("http://127.0.0.1:{}", port.trim()),
            folder,
            commit: String::new(),
        };
        cloud.configure("production", "", 0);
        git(cloud.folder.path(), &["add", "--all"]);
        git(
            cloud.folder.path(),
            &["commit", "--quiet", "--message", "new"],
        );
        let head = Command::new("git")
            .args(["rev-parse", "HEAD"])
            .current_dir(cloud.folder.path())
            .output()
            .expect("git starts");
        cloud.commit = String::from_utf8_lossy(&head.stdout).trim().to_owned();
        cloud
    }

    pub fn configure(&self, environment: &str, web: &str, soak: u32) {
        let health = |name: &str| {
            format!(
                "times: 1\n          every: 1\n          within: 4\n          health: [{{url: {}/app/{name}/health, json: {{status: ok}}, commit: commit}}]",
                self.url
            )
        };
        let text = format!(
            "deploy:\n  services:\n    api: {{platform: railway, id: service-1, time-limit: 20}}\n    web: {{platform: vercel, id: shop, needs: [api], time-limit: 20}}\n  environments:\n    {environment}:\n      soak: {soak}\n      services:\n        api:\n          {}\n        web:\n          {web}\n          {}\n",
            health("railway"),
            health("vercel")
        );
        write(self.folder.path(), ".github/ci-tool.yml", text);
    }

    pub fn control(&self, change: Option<&Value>) -> Value {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--fail", &format!("{}/control", self.url)]);
        if let Some(change) = change {
            curl.args(["--data", &change.to_string()]);
        }
        let answer = curl.output().expect("curl starts");
        serde_json::from_slice(&answer.stdout).expect("JSON")
    }

    /// What is wrong with the new commit, by platform, and the faults of calls.
    fn go_wrong(&self, behaviour: &[(&str, &str)], faults: Value) {
        let behaviour: serde_json::Map<String, Value> = behaviour
            .iter()
            .map(|(platform, what)| ((*platform).to_owned(), json!({self.commit.clone(): *what})))
            .collect();
        self.control(Some(&json!({"behaviour": behaviour, "faults": faults})));
    }

    pub fn command(&self, environment: &str, arguments: &[&str]) -> Command {
        let mut command = command();
        command
            .args(["deploy", environment])
            .args(arguments)
            .current_dir(self.folder.path())
            .env("RAILWAY_TOKEN", TOKENS[0])
            .env("VERCEL_TOKEN", TOKENS[1])
            .env("CI_TOOL_RAILWAY_URL", &self.url)
            .env("CI_TOOL_VERCEL_URL", &self.url)
            .env("GITHUB_TOKEN", TOKENS[2])
            .env("GITHUB_API_URL", &self.url)
            .env("GITHUB_REPOSITORY", "acme/shop");
        command
    }

    pub fn deploy(&self, arguments: &[&str]) -> Run {
        let run = finish(&mut self.command("production", arguments));
        let journal = std::fs::read_to_string(self.journal()).unwrap_or_default();
        for token in TOKENS {
            assert!(!run.stdout.contains(token), "{}", run.stdout);
            assert!(!run.stderr.contains(token), "{}", run.stderr);
            assert!(!journal.contains(token), "{journal}");
        }
        run
    }

    fn journal(&self) -> PathBuf {
        self.folder
            .path()
            .join(".git/ci-tool/deploy-production.json")
    }

    /// The commits that answer on Railway and Vercel.
    fn live(&self) -> [String; 2] {
        ["railway", "vercel"].map(|name| {
            let answer = Command::new("curl")
                .args(["--silent", &format!("{}/app/{name}/health", self.url)])
                .output()
                .expect("curl starts");
            let body: Value = serde_json::from_slice(&answer.stdout).expect("JSON");
            body["commit"].as_str().unwrap_or_default().to_owned()
        })
    }

    pub fn is_new(&self) -> bool {
        self.live().iter().all(|commit| *commit == self.commit)
    }

    pub fn is_old(&self) -> bool {
        // Whatever is on its way has arrived by then.
        std::thread::sleep(Duration::from_millis(1500));
        self.live().iter().all(|commit| commit == "oldcommit")
    }

    pub fn count(&self, call: &str) -> usize {
        let state = self.control(None);
        let requests = state["requests"].as_array().expect("a list");
        requests.iter().filter(|one| *one == call).count()
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn both_are_deployed_and_taken_back() {
    let cloud = Cloud::start();
    let run = cloud.deploy(&["--dry-run"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(cloud.is_old());
    assert_eq!(cloud.count("up") + cloud.count("create"), 0);
    let run = cloud.deploy(&[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(cloud.is_new(), "{:?}", cloud.live());
    // Built first, promoted after what it needs was live and healthy.
    let at = |text: &str| {
        run.stderr
            .find(text)
            .unwrap_or_else(|| panic!("{}", run.stderr))
    };
    assert!(
        at("web: is built and held back") < at("api: release"),
        "{}",
        run.stderr
    );
    assert!(at("api: is live and healthy") < at("web: is live and healthy"));
    let run = cloud.deploy(&["--rollback", "last"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(cloud.is_old(), "{:?}", cloud.live());
    let state = cloud.control(None);
    assert_eq!(state["production"], "dpl_0");
    // Railway goes back by a deployment of its own.
    assert_eq!(state["railway"].as_array().map(Vec::len), Some(3));
}

#[test]
fn whatever_fails_everything_is_old() {
    for (behaviour, outcome) in [
        (vec![("vercel", "fails")], "unchanged"),
        (vec![("railway", "fails")], "rolled-back"),
        (vec![("railway", "never")], "rolled-back"),
        (vec![("railway", "sick")], "rolled-back"),
        (vec![("vercel", "sick")], "rolled-back"),
    ] {
        let cloud = Cloud::start();
        cloud.go_wrong(&behaviour, json!({}));
        let run = cloud.deploy(&["--format", "json"]);
        assert_eq!(run.code, 1, "{behaviour:?}: {}{}", run.stdout, run.stderr);
        let told: Value = serde_json::from_str(&run.stdout).expect("JSON");
        assert_eq!(told["outcome"], outcome, "{behaviour:?}: {told}");
        assert!(cloud.is_old(), "{behaviour:?}: {:?}", cloud.live());
        if behaviour == [("vercel", "fails")] {
            assert_eq!(cloud.count("up"), 0, "the backend is not touched");
            let reason = told["reason"].as_str().expect("a reason");
            assert!(reason.contains("next build"), "{reason}");
            // As it was written, the oldest line first.
            let lines: Vec<&str> = reason.lines().collect();
            let at = |part: &str| lines.iter().position(|line| line.contains(part));
            let places = ["Installing", "log of dpl_1", "Error: Command"].map(at);
            assert!(places[0].is_some() && places.is_sorted(), "{reason}");
        }
        if behaviour == [("railway", "fails")] {
            let reason = told["reason"].as_str().expect("a reason");
            assert!(reason.contains("log of dep-1"), "{reason}");
        }
    }
}

#[test]
fn a_crash_after_it_was_healthy_is_seen_while_it_is_watched() {
    let cloud = Cloud::start();
    cloud.configure("production", "", 12);
    cloud.go_wrong(&[("railway", "crashes")], json!({}));
    let run = cloud.deploy(&[]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stdout.contains("does not stay healthy"),
        "{}",
        run.stdout
    );
    assert!(cloud.is_old(), "{:?}", cloud.live());
}

#[test]
fn answers_that_are_lost_do_nothing_twice() {
    let cloud = Cloud::start();
    let faults = json!({
        "up": ["lost"], "create": ["lost"], "promote": ["lost"],
        "deployments": ["503", "429", "drop"], "deployment": ["503", "429"],
        "project": ["drop", "503"], "projectToken": ["503"],
    });
    cloud.go_wrong(&[], faults);
    let run = cloud.deploy(&[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(cloud.is_new());
    assert_eq!((cloud.count("up"), cloud.count("create")), (1, 1));

    // The same on the way back.
    let cloud = Cloud::start();
    let faults = json!({
        "deploymentRollback": ["lost"], "rollback": ["503", "lost"],
        "deploymentCancel": ["503"], "get-alias": ["503"],
    });
    cloud.go_wrong(&[("vercel", "sick")], faults);
    let run = cloud.deploy(&[]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(cloud.is_old(), "{:?}", cloud.live());
    assert_eq!(cloud.count("deploymentRollback"), 1);
}

#[test]
fn a_token_that_is_refused_or_is_for_another_environment() {
    // Revoked when the traffic has moved: nobody can take it back, and that is said.
    let cloud = Cloud::start();
    cloud.go_wrong(
        &[],
        json!({"promote": ["401"], "deploymentRollback": ["refused"]}),
    );
    let run = cloud.deploy(&["--format", "json"]);
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    let told: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(told["outcome"], "stuck");
    assert!(
        told["services"][0]["stuck"]
            .as_str()
            .is_some_and(|why| why.contains("Not Authorized")),
        "{told}"
    );
    assert_eq!(told["services"][1]["stuck"], Value::Null, "{told}");
    assert_eq!(cloud.live(), [cloud.commit.clone(), "oldcommit".to_owned()]);
    // With a token that works it is taken back.
    let run = cloud.deploy(&["--rollback", "unfinished"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(cloud.is_old(), "{:?}", cloud.live());

    // A token of production is no token of staging.
    cloud.configure("staging", "alias: staging.example.com", 0);
    let run = finish(&mut cloud.command("staging", &[]));
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stderr
            .contains("is for Railway's environment `production`, and `staging` is meant"),
        "{}",
        run.stderr
    );
    cloud.control(Some(&json!({"revoked": true})));
    cloud.configure("production", "", 0);
    let run = cloud.deploy(&[]);
    assert_eq!(run.code, 3);
    assert!(run.stderr.contains("answers 401"), "{}", run.stderr);
    let mut without = cloud.command("production", &[]);
    let run = finish(without.env_remove("VERCEL_TOKEN"));
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("VERCEL_TOKEN"), "{}", run.stderr);
}

#[test]
fn staging_on_vercel_is_an_alias() {
    let cloud = Cloud::start();
    cloud.configure("production", "alias: staging.example.com", 0);
    let run = cloud.deploy(&[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let state = cloud.control(None);
    assert_eq!(state["aliases"]["staging.example.com"], "dpl_1");
    assert_eq!(state["production"], "dpl_0", "production is not touched");
    let run = cloud.deploy(&["--rollback", "last"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(cloud.control(None)["aliases"], json!({}));
}

#[test]
fn killed_after_the_upload_it_goes_on_with_the_same_release() {
    let cloud = Cloud::start();
    let mut interrupted = 0;
    for (number, wait) in [300, 900, 1600, 2500, 3300].into_iter().enumerate() {
        git(
            cloud.folder.path(),
            &[
                "commit",
                "--quiet",
                "--allow-empty",
                "--message",
                &number.to_string(),
            ],
        );
        let uploads = cloud.count("up");
        let mut child = cloud
            .command("production", &[])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        std::thread::sleep(Duration::from_millis(wait));
        let _ = child.kill();
        let _ = child.wait();
        let journal = std::fs::read_to_string(cloud.journal()).unwrap_or_default();
        interrupted += usize::from(journal.contains("\"phase\": \"releasing\""));
        let run = cloud.deploy(&["--resume"]);
        assert_eq!(run.code, 0, "{wait}: {}{}", run.stdout, run.stderr);
        assert!(cloud.count("up") - uploads <= 1, "{wait}");
        let [api, web] = cloud.live();
        assert_eq!(api, web, "{wait}");
        if !journal.is_empty() {
            assert!(journal.contains(&api), "{wait}: {api} {journal}");
        }
    }
    assert!(interrupted >= 2, "the times are not what they were");
}

/// On two machines, with a clone each: GitHub's record keeps them apart.
#[test]
fn a_record_at_github_keeps_machines_apart() {
    let cloud = Cloud::start();
    let path = cloud.folder.path().join(".github/ci-tool.yml");
    let text = std::fs::read_to_string(&path).expect("read");
    let text = text.replacen("deploy:\n", "deploy:\n  record: true\n", 1);
    std::fs::write(&path, text).expect("written");
    // The answer to the first request is lost, and nothing is recorded twice.
    cloud.go_wrong(
        &[],
        json!({"github-create": ["lost"], "github-list": ["503"]}),
    );
    let first = cloud
        .command("production", &[])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let until = std::time::Instant::now() + Duration::from_secs(30);
    while cloud.count("up") == 0 && std::time::Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
    let other = cloud.folder.path().join(".git/other-machine.json");
    let other = other.to_str().expect("UTF-8");
    let run = cloud.deploy(&["--journal", other]);
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stderr.contains("is under way (number 1 at GitHub)"),
        "{}",
        run.stderr
    );
    let first = first.wait_with_output().expect("it ends");
    assert_eq!(
        first.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&first.stderr)
    );
    // The next one may.
    git(
        cloud.folder.path(),
        &["commit", "--quiet", "--allow-empty", "--message", "next"],
    );
    let run = cloud.deploy(&["--journal", other]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let run = cloud.deploy(&["--journal", other, "--rollback", "unfinished"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let state = cloud.control(None);
    assert_eq!(
        state["states"],
        json!({"1": ["in_progress", "success"], "2": ["in_progress", "success"]})
    );
    // A good one that is taken back has not failed; the one before is what is live.
    let run = cloud.deploy(&["--journal", other, "--rollback", "last"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let state = cloud.control(None);
    assert_eq!(
        state["states"],
        json!({
            "1": ["in_progress", "success", "success"],
            "2": ["in_progress", "success", "in_progress", "inactive"],
        })
    );
    // Every exchange is one that GitHub's description has.
    let exchanges = state["exchanges"].as_array().expect("a list");
    // It leads to the page of what is deployed last.
    let told = exchanges
        .iter()
        .filter_map(|one| serde_json::from_str::<Value>(one["sent"].as_str()?).ok())
        .filter(|sent| sent["state"].is_string());
    let page = format!("{}/", cloud.url);
    let led: Vec<bool> = told.map(|sent| sent["environment_url"] == page).collect();
    assert_eq!(led, [true; 7]);
    let lines: String = exchanges.iter().map(|one| format!("{one}\n")).collect();
    let told = follow_githubs_description(&lines);
    assert!(exchanges.len() > 8, "{told}");

    let text = std::fs::read_to_string(&path).expect("read");
    let own = text.replacen("      soak:", "      url: shop.example.com\n      soak:", 1);
    std::fs::write(&path, own).expect("written");
    let run = cloud.deploy(&[]);
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("is no address"), "{}", run.stderr);
    std::fs::write(&path, text).expect("written");
    let run = finish(
        cloud
            .command("production", &[])
            .env_remove("GITHUB_REPOSITORY"),
    );
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("GITHUB_REPOSITORY"), "{}", run.stderr);
}

/// A project that is connected to no repository, or to one whose builds are not Vercel's: the
/// commit's files are uploaded, or what `vercel build` has made.
#[test]
fn files_are_uploaded_to_vercel() {
    let cloud = Cloud::start();
    let folder = cloud.folder.path();
    write(folder, "web/package.json", "{}");
    write(folder, "web/app/page.js", "export default 1\n");
    write(folder, "web/copy.js", "export default 1\n");
    write(folder, "backend/main.py", "app = 1\n");
    std::os::unix::fs::symlink("package.json", folder.join("web/link")).expect("linked");
    let path = folder.join(".github/ci-tool.yml");
    let text = std::fs::read_to_string(&path).expect("read");
    let with = |more: &str| text.replacen("id: shop,", &format!("id: shop, {more},"), 1);
    write(
        folder,
        ".github/ci-tool.yml",
        with("source: upload, folder: web"),
    );
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", "web"]);
    // What is not in the commit is not deployed.
    write(folder, "web/.env.local", "SECRET=1\n");
    // An upload that fails in passing is repeated.
    cloud.go_wrong(&[], json!({"file": ["503"]}));
    let run = cloud.deploy(&[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let state = cloud.control(None);
    assert_eq!(
        state["files"],
        json!({
            "app/page.js": [0o100_644, "export default 1\n"],
            "copy.js": [0o100_644, "export default 1\n"],
            "link": [0o120_777, "package.json"],
            "package.json": [0o100_644, "{}"],
        })
    );
    // Equal files once, and one of them again.
    assert_eq!(cloud.count("file"), 4, "{state}");
    // The next deployment has but one new file.
    write(folder, "web/app/page.js", "export default 2\n");
    git(folder, &["add", "web/app"]);
    git(folder, &["commit", "--quiet", "--message", "page"]);
    let run = cloud.deploy(&[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(cloud.count("file"), 5);

    // A build that is not there, or for another target, is known before anything changes.
    write(
        folder,
        ".github/ci-tool.yml",
        with("source: prebuilt, folder: web"),
    );
    let ups = cloud.count("up");
    let run = cloud.deploy(&[]);
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("`vercel build`"), "{}", run.stderr);
    write(folder, "web/.vercel/output/config.json", "{\"version\": 3}");
    write(
        folder,
        "web/.vercel/output/builds.json",
        "{\"target\": \"preview\"}",
    );
    let run = cloud.deploy(&[]);
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stderr.contains("was made for preview"),
        "{}",
        run.stderr
    );
    assert_eq!(cloud.count("up"), ups, "the backend was touched");
    write(
        folder,
        "web/.vercel/output/builds.json",
        "{\"target\": \"production\"}",
    );
    write(
        folder,
        "web/.vercel/output/static/index.html",
        "<h1>shop</h1>",
    );
    git(
        folder,
        &["commit", "--quiet", "--allow-empty", "--message", "built"],
    );
    let run = cloud.deploy(&[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let files = cloud.control(None)["files"].clone();
    let names: Vec<&String> = files.as_object().expect("files").keys().collect();
    assert_eq!(
        names,
        [
            ".vercel/output/builds.json",
            ".vercel/output/config.json",
            ".vercel/output/static/index.html",
        ]
    );
    let railway = text.replacen("id: service-1,", "id: service-1, source: prebuilt,", 1);
    write(folder, ".github/ci-tool.yml", railway);
    let run = cloud.deploy(&[]);
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stderr.contains("Railway builds itself"),
        "{}",
        run.stderr
    );
}

impl Cloud {
    fn secrets(&self, arguments: &[&str]) -> Command {
        let mut command = command();
        command
            .arg("secrets")
            .args(arguments)
            .current_dir(self.folder.path())
            .env("RAILWAY_TOKEN", TOKENS[0])
            .env("VERCEL_TOKEN", TOKENS[1])
            .env("CI_TOOL_RAILWAY_URL", &self.url)
            .env("CI_TOOL_VERCEL_URL", &self.url);
        command
    }

    /// What the fakes hold: Railway's variable, and Vercel's of production.
    fn held(&self, name: &str) -> [Value; 2] {
        let ask = |header: &str, path: &str, body: Option<&str>| -> Value {
            let mut curl = Command::new("curl");
            curl.args(["-fsS", "-H", header]);
            if let Some(body) = body {
                curl.args(["-H", "content-type: application/json", "-d", body]);
            }
            let output = curl
                .arg(format!("{}{path}", self.url))
                .output()
                .expect("curl starts");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"))
        };
        let query = json!({
            "query": "query ($project: String!, $environment: String!, $service: String) { variables(projectId: $project, environmentId: $environment, serviceId: $service) }",
            "variables": {"project": "project-1", "environment": "environment-1", "service": "service-1"},
        });
        let railway = ask(
            &format!("Project-Access-Token: {}", TOKENS[0]),
            "/graphql/v2",
            Some(&query.to_string()),
        );
        let vercel = ask(
            &format!("Authorization: Bearer {}", TOKENS[1]),
            "/v9/projects/prj_1/env",
            None,
        );
        let own = vercel["envs"].as_array().expect("a list").iter();
        let mut own = own.filter(|one| one["key"] == name && one["target"][0] == "production");
        [
            railway["data"]["variables"][name].clone(),
            own.next().map_or(Value::Null, |one| one["value"].clone()),
        ]
    }
}

/// A value comes from standard input, a file, random bytes or a person who does not see it;
/// never from an argument, and it goes nowhere but to the platform.
#[test]
fn a_secret_is_set_and_nobody_sees_it() {
    let cloud = Cloud::start();
    let folder = cloud.folder.path();
    write(folder, "api/requirements.txt", "fastapi==0.115.0\n");
    write(
        folder,
        "api/main.py",
        "import os\nfrom fastapi import FastAPI\n\nSECRET = os.environ[\"SESSION_SECRET\"]\napp = FastAPI()\n",
    );
    let quiet = |run: &Run| {
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.contains("hush") && !text.contains("canary"), "{text}");
        }
    };
    // For the service whose code needs it, and only for that one.
    write(folder, "value.txt", "hush-1 with = and \"quotes\"\n");
    let run =
        finish(&mut cloud.secrets(&["set", "production", "SESSION_SECRET", "--from", "value.txt"]));
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(run.stdout, "api: SESSION_SECRET is set\n");
    quiet(&run);
    assert_eq!(
        cloud.held("SESSION_SECRET"),
        [json!("hush-1 with = and \"quotes\""), Value::Null]
    );
    let run = finish(&mut cloud.secrets(&["check", "production"]));
    assert_eq!(run.code, 0, "{}", run.stdout);

    // The same random value for both.
    let both = [
        "set",
        "production",
        "SHARED_KEY",
        "--service",
        "api,web",
        "--generate=48",
    ];
    let run = finish(&mut cloud.secrets(&both));
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let [api, web] = cloud.held("SHARED_KEY");
    assert_eq!(api, web);
    let made = api.as_str().expect("a text").to_owned();
    assert!(made.len() == 64 && !run.stdout.contains(&made) && !run.stderr.contains(&made));
    let again = finish(&mut cloud.secrets(&both));
    assert_eq!(again.code, 0);
    assert_ne!(cloud.held("SHARED_KEY")[0], json!(made));

    // Nobody knows who needs it; an argument is no place for a value; a platform that
    // repeats the value is not repeated.
    for (arguments, code, says) in [
        (
            &["SOMETHING_ELSE", "--generate"][..],
            2,
            "say for which it is: --service api,web",
        ),
        (&["NAME=hush-2"], 2, "a value is never an argument"),
        (
            &["SESSION_SECRET", "--service", "nobody", "--generate"],
            2,
            "these are: api, web",
        ),
        (
            &["SESSION_SECRET", "--from", "empty.txt"],
            2,
            "the value is empty",
        ),
        (
            &["SESSION_SECRET", "--from", "gone.txt"],
            3,
            "cannot read gone.txt",
        ),
        (
            &[
                "SESSION_SECRET",
                "--from",
                "refused.txt",
                "--service",
                "web",
            ],
            3,
            "words that repeat the value",
        ),
        (
            &["SESSION_SECRET", "--from", "refused.txt"],
            3,
            "words that repeat the value",
        ),
        (&["SESSION_SECRET"], 2, "nobody can type the value here"),
    ] {
        write(folder, "empty.txt", "\n");
        write(folder, "refused.txt", "refused-hush\n");
        let mut set = cloud.secrets(&[&["set", "production"], arguments].concat());
        let run = finish(set.stdin(Stdio::null()));
        assert_eq!(
            run.code, code,
            "{arguments:?}: {}{}",
            run.stdout, run.stderr
        );
        assert!(run.stderr.contains(says), "{arguments:?}: {}", run.stderr);
        quiet(&run);
    }
    let run = finish(&mut cloud.secrets(&["set", "production", "SESSION_SECRET", "--dry-run"]));
    assert_eq!(run.stdout, "SESSION_SECRET would be set for api\n");

    // A person at a real terminal: what is typed is not there to be read.
    let script = "import os, pty, sys, time\n\
        pid, fd = pty.fork()\n\
        if pid == 0:\n    os.execv(sys.argv[1], sys.argv[1:])\n\
        said = b''\n\
        while b'not shown' not in said:\n    said += os.read(fd, 1024)\n\
        os.write(fd, b'hush-typed\\n')\n\
        try:\n    while True:\n        more = os.read(fd, 1024)\n        if not more:\n            break\n        said += more\n\
        except OSError:\n    pass\n\
        sys.stdout.write(said.decode())\n\
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n";
    let own = cloud.secrets(&["set", "production", "SESSION_SECRET"]);
    let mut typed = Command::new(peers().join("py/bin/python"));
    typed
        .args(["-c", script])
        .arg(own.get_program())
        .args(own.get_args());
    typed.current_dir(folder).envs(
        own.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let run = finish(&mut typed);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    quiet(&run);
    assert_eq!(cloud.held("SESSION_SECRET")[0], json!("hush-typed"));
}

/// The old script asked for secrets and never looked whether they were there. Names are
/// compared; no value is shown.
#[test]
fn what_an_application_needs_is_held_against_what_is_set() {
    let cloud = Cloud::start();
    write(
        cloud.folder.path(),
        "api/requirements.txt",
        "fastapi==0.115.0\n",
    );
    write(
        cloud.folder.path(),
        "api/main.py",
        "import os\nfrom fastapi import FastAPI\n\nSECRET = os.environ[\"SESSION_SECRET\"]\nURL = os.environ[\"DATABASE_URL\"]\napp = FastAPI()\n",
    );
    let check = |arguments: &[&str]| {
        let run = finish(&mut cloud.secrets(&[&["check", "production"], arguments].concat()));
        assert!(!run.stdout.contains("canary") && !run.stderr.contains("canary"));
        run
    };
    let run = check(&[]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stdout
            .contains("MISSING  SESSION_SECRET  read at api/main.py:4"),
        "{}",
        run.stdout
    );
    assert!(
        !run.stdout.contains("MISSING  DATABASE_URL"),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout.contains("set      API_URL  written "),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains("OTHER"), "{}", run.stdout);
    let run = check(&["--format", "json"]);
    let told: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(told["complete"], false);
    assert_eq!(told["services"][0]["missing"][0]["name"], "SESSION_SECRET");

    // A deployment says so before anything changes.
    let run = cloud.deploy(&["--dry-run"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.contains(
            "api: SESSION_SECRET is not set, and api/main.py:4 does not start without it"
        ),
        "{}",
        run.stdout
    );
    cloud.control(Some(&json!({"revoked": true})));
    assert_eq!(check(&[]).code, 3);
}
