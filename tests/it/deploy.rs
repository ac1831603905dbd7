//! Real deployments to processes of this machine behind a real nginx, with people who use
//! them meanwhile. The tests named after ISSUE-14 to ISSUE-19 show that what the published
//! audit says of the old scripts cannot happen here.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::platform::Local;
use crate::common::{Run, finish, write};

/// A machine on which the first commit is live; that commit, and a second one.
fn machine(soak: u32, is_default: bool) -> (Local, String, String) {
    let local = Local::start();
    local.configure(0, is_default);
    let first = local.commit("first");
    let run = finish(&mut local.deploy(&[]));
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    local.configure(soak, is_default);
    let second = local.commit("second");
    (local, first, second)
}

fn told(run: &Run) -> serde_json::Value {
    serde_json::from_str(&run.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr))
}

fn both(commit: &str) -> [String; 2] {
    [commit.to_owned(), commit.to_owned()]
}

#[test]
fn nobody_notices_a_healthy_deployment() {
    let (local, first, second) = machine(3, false);
    assert_eq!(local.commits(), both(&first));
    let load = local.load(200);
    let run = finish(&mut local.deploy(&["--format", "json"]));
    let (rate, failed) = load.end();
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(local.commits(), both(&second));
    assert_eq!(failed, Vec::<String>::new());
    assert!(rate > 100.0, "the load was {rate} requests a second");
    let told = told(&run);
    assert_eq!(told["outcome"], "deployed");
    assert_eq!(told["commit"], second.as_str());
    // What is needed comes first.
    assert_eq!(told["services"][0]["name"], "api");
    for service in told["services"].as_array().expect("a list") {
        assert_eq!(service["step"], "live");
        assert_ne!(service["before"], service["release"]);
    }
    let run = finish(&mut local.deploy(&["--status"]));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("is live, healthy"), "{}", run.stdout);

    // And back, on request.
    let run = finish(&mut local.deploy(&["--rollback", "last"]));
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(local.commits(), both(&first));
}

/// The deployment was made by a job; somebody goes back from a laptop.
#[test]
fn without_a_journal_one_goes_back_to_a_release_by_its_name() {
    let (local, first, _) = machine(0, false);
    let run = finish(&mut local.deploy(&["--format", "json"]));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let answer = told(&run);
    let before = |at: usize| {
        let service = &answer["services"][at];
        let text = |key: &str| service[key].as_str().expect("a text").to_owned();
        format!("{}={}", text("name"), text("before"))
    };
    std::fs::remove_file(local.journal()).expect("it was there");
    let run = finish(&mut local.deploy(&["--status"]));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.contains("no deployment is on record here")
            && run.stdout.contains("api: release ")
            && run.stdout.contains("is live, healthy"),
        "{}",
        run.stdout
    );
    let run = finish(&mut local.deploy(&["--rollback", "last"]));
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(
        run.stderr.contains("--to SERVICE=RELEASE"),
        "{}",
        run.stderr
    );
    let to = [before(0), before(1)];
    let run = finish(&mut local.deploy(&["--rollback", "last", "--to", &to[0], "--to", &to[1]]));
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(local.commits(), both(&first));
}

/// The old script left the backend new and the frontend old.
#[test]
fn issue_15_a_frontend_that_fails_takes_the_backend_back() {
    let (local, first, second) = machine(3, false);
    local.behave(&[("web", &second, "public")]);
    let load = local.load(200);
    let run = finish(&mut local.deploy(&["--format", "json"]));
    let (rate, failed) = load.end();
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert_eq!(local.commits(), both(&first));
    assert_eq!(failed, Vec::<String>::new());
    assert!(rate > 100.0, "the load was {rate} requests a second");
    let told = told(&run);
    assert_eq!(told["outcome"], "rolled-back");
    let reason = told["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("web: it is not healthy") && reason.contains("503"),
        "{reason}"
    );
    // The frontend goes back before what it needs.
    let at = |text: &str| {
        run.stderr
            .find(text)
            .unwrap_or_else(|| panic!("{}", run.stderr))
    };
    assert!(
        at("web: goes back") < at("api: goes back"),
        "{}",
        run.stderr
    );
}

/// The old script went on after a deployment that had failed.
#[test]
fn issue_18_a_release_that_fails_moves_nothing_and_is_told() {
    let (local, first, second) = machine(0, false);
    for what in ["dead", "sick"] {
        local.behave(&[("web", &second, what)]);
        let load = local.load(50);
        let run = finish(&mut local.deploy(&["--format", "json"]));
        let (_, failed) = load.end();
        assert_eq!(run.code, 1, "{what}: {}{}", run.stdout, run.stderr);
        assert_eq!(told(&run)["outcome"], "unchanged", "{what}");
        assert_eq!(local.commits(), both(&first));
        assert_eq!(failed, Vec::<String>::new());
        assert!(!run.stderr.contains("goes back"), "{}", run.stderr);
    }
}

/// The old script waited ten seconds, whatever happened.
#[test]
fn issue_19_waiting_ends_when_there_is_an_answer_or_no_time_left() {
    let (local, first, second) = machine(0, false);
    let started = Instant::now();
    let run = finish(&mut local.deploy(&[]));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        started.elapsed() < Duration::from_secs(25),
        "{}",
        run.stderr
    );
    assert_eq!(local.commits(), both(&second));

    let third = local.commit("third");
    local.behave(&[("api", &third, "mute")]);
    let run = finish(&mut local.deploy(&[]));
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stdout
            .contains("is not there after 20 seconds (the process starts)"),
        "{}",
        run.stdout
    );
    assert_eq!(local.commits(), both(&second));
    assert_ne!(first, second);
}

/// With the settings that hold where nothing is said.
#[test]
fn what_falls_while_it_is_watched_goes_back() {
    let (local, first, second) = machine(60, true);
    let mut child = local
        .deploy(&[])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let until = Instant::now() + Duration::from_secs(60);
    while local.commits() != both(&second) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
    // It is watched now, for a minute.
    std::thread::sleep(Duration::from_secs(8));
    local.behave(&[("api", &second, "public")]);
    let fell = Instant::now();
    while local.commits() != both(&first) && fell.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let took = fell.elapsed();
    println!("from failing health to the old releases: {took:?}");
    // While nginx changes its workers, for a moment both answer.
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(local.commits(), both(&first));
    // Some six seconds on a machine that does nothing else: benches/deploy.py measures it.
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
}

fn signal(pid: u32, name: &str) {
    let sent = std::process::Command::new("kill")
        .args([name, &pid.to_string()])
        .status();
    assert!(sent.expect("kill starts").success());
}

/// A cancelled job sends a signal, another one soon, and then kills.
#[test]
fn a_cancelled_deployment_is_taken_back_at_once() {
    let (local, first, second) = machine(60, false);
    let child = local
        .deploy(&["--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let until = Instant::now() + Duration::from_secs(60);
    while local.commit_of("api") != second && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
    let asked = Instant::now();
    signal(child.id(), "-INT");
    std::thread::sleep(Duration::from_millis(500));
    signal(child.id(), "-TERM");
    let mut old = None;
    while old.is_none() && asked.elapsed() < Duration::from_secs(20) {
        old = (local.commits() == both(&first)).then(|| asked.elapsed());
    }
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["outcome"], "rolled-back");
    assert_eq!(told["reason"], "it was asked to stop");
    assert_eq!(local.commits(), both(&first));
    // The runner kills after ten seconds; here other tests want the processors too.
    assert!(old < Some(Duration::from_secs(15)), "{old:?}");
}

#[test]
fn killed_at_any_moment_it_is_finished_or_taken_back() {
    let (local, first, second) = machine(2, false);
    let [mut now, mut next] = [first, second];
    for (round, wait) in [100, 600, 1200, 1900, 2600, 3400, 4300, 5500]
        .into_iter()
        .enumerate()
    {
        let mut child = local
            .deploy(&["--commit", &next])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        std::thread::sleep(Duration::from_millis(wait));
        let _ = child.kill();
        let killed = child.wait().expect("it ends").code().is_none();
        let journal = std::fs::read_to_string(local.journal()).expect("written");
        if killed && journal.contains(&next) && !journal.contains("\"deployed\"") {
            // Nothing new begins before it is decided what becomes of this.
            let refused = finish(&mut local.deploy(&["--commit", &next]));
            assert_eq!(refused.code, 3, "{}", refused.stderr);
            assert!(
                refused.stderr.contains("--resume goes on with it")
                    || refused.stderr.contains("`--resume` goes on with it"),
                "{}",
                refused.stderr
            );
        }
        let goes_on = if round % 2 == 0 {
            vec!["--resume"]
        } else {
            vec!["--rollback", "unfinished"]
        };
        // Twice: the second time nothing is left to be done.
        for _ in 0..2 {
            let run = finish(&mut local.deploy(&goes_on));
            let journal = std::fs::read_to_string(local.journal()).expect("written");
            // Killed before it had begun, it leaves the one before, which may have been
            // taken back.
            let is_back = goes_on.len() == 1 && journal.contains("\"rolled-back\"");
            assert_eq!(
                run.code,
                i32::from(is_back),
                "{wait}: {}{}",
                run.stdout,
                run.stderr
            );
            let commits = local.commits();
            assert!(
                commits == both(&now) || commits == both(&next),
                "{wait} {goes_on:?}: {commits:?} {}",
                run.stderr
            );
        }
        let commits = local.commits();
        if commits == both(&next) {
            std::mem::swap(&mut now, &mut next);
        }
    }
}

#[test]
fn two_deployments_to_one_environment_do_not_meet() {
    let (local, _, second) = machine(4, false);
    let mut child = local
        .deploy(&[])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    std::thread::sleep(Duration::from_secs(1));
    let run = finish(&mut local.deploy(&[]));
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(
        run.stderr.contains("under way on this machine"),
        "{}",
        run.stderr
    );
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert_eq!(local.commits(), both(&second));
}

#[test]
fn what_cannot_be_taken_back_is_named() {
    let (local, first, second) = machine(0, false);
    // The rollback of the backend does not work.
    let path = local.repository().join(".github/ci-tool.yml");
    let text = std::fs::read_to_string(&path).expect("read");
    let text = text.replacen(" rollback: python3", " rollback: exit 9; python3", 1);
    std::fs::write(&path, text).expect("written");
    local.behave(&[("web", &second, "public")]);
    let run = finish(&mut local.deploy(&["--format", "json"]));
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    let answer = told(&run);
    assert_eq!(answer["outcome"], "stuck");
    let stuck = |at: usize| answer["services"][at]["stuck"].as_str();
    assert!(
        stuck(0).is_some_and(|why| why.contains("exit code 9")),
        "{answer}"
    );
    assert_eq!(stuck(1), None);
    assert_eq!(local.commits(), [second.clone(), first.clone()]);

    // It is in the way until somebody has seen to it.
    let run = finish(&mut local.deploy(&[]));
    assert_eq!(run.code, 3);
    assert!(run.stderr.contains("--forget"), "{}", run.stderr);
    local.configure(0, false);
    let run = finish(&mut local.deploy(&["--rollback", "unfinished"]));
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(local.commits(), both(&first));
}

/// Nothing is begun with an address that is none, a name that nobody knows, or a variable
/// that is not set; the old script asked for addresses and took anything.
#[test]
fn issue_14_what_is_wrong_is_told_before_anything_begins() {
    let (local, first, _) = machine(0, false);
    let path = local.repository().join(".github/ci-tool.yml");
    let good = std::fs::read_to_string(&path).expect("read");
    let with = |old: &str, new: &str| {
        assert!(good.contains(old), "{old}");
        std::fs::write(&path, good.replacen(old, new, 1)).expect("written");
        let run = finish(&mut local.deploy(&[]));
        assert_eq!(run.code, 2, "{new}: {}{}", run.stdout, run.stderr);
        run.stderr
    };
    let said = with("url: http://", "url: htp//");
    assert!(
        said.contains("is no address") && said.contains("ci-tool.yml:"),
        "{said}"
    );
    assert!(with("needs: [api]", "needs: [ap]").contains("needs `ap`"));
    assert!(with("needs: []", "needs: [web]").contains("circle: api, web"));
    assert!(with("      live: ", "      alive: ").contains("did you mean `live`"));
    assert!(with("variables: [CI_TOOL_LOCAL]", "variables: [NOT_SET]").contains("NOT_SET"));
    assert!(
        with("      soak: 0", "      branch: release\n      soak: 0").contains("not on `release`")
    );
    std::fs::write(&path, &good).expect("written");
    for (arguments, expected) in [
        (vec!["--commit", "no-such-revision"], "is no commit"),
        (vec!["--commit=--help-me"], "is no commit"),
        (vec!["--to", "api=r1"], "--rollback"),
        (vec!["--rollback", "last", "--to", "db=r1"], "`db`"),
    ] {
        let run = finish(&mut local.deploy(&arguments));
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.stderr);
        assert!(
            run.stderr.contains(expected),
            "{arguments:?}: {}",
            run.stderr
        );
    }
    let mut staging = crate::common::command();
    staging
        .args(["deploy", "staging"])
        .current_dir(local.repository());
    let run = finish(&mut staging);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("has production"), "{}", run.stderr);
    assert_eq!(local.commits(), both(&first));
}

#[test]
fn a_dry_run_looks_and_touches_nothing() {
    let (local, first, second) = machine(0, false);
    let before = std::fs::read_to_string(local.journal()).expect("written");
    let run = finish(&mut local.deploy(&["--dry-run", "--format", "json"]));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let answer = told(&run);
    assert_eq!(answer["outcome"], "planned");
    assert_eq!(answer["commit"], second.as_str());
    assert!(answer["services"][1]["before"].is_string(), "{answer}");
    assert_eq!(local.commits(), both(&first));
    assert_eq!(
        std::fs::read_to_string(local.journal()).expect("there"),
        before
    );
    let run = finish(&mut local.deploy(&["--format", "markdown"]));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.starts_with("## production: ") && run.stdout.contains("b0x0 --> b0x1"),
        "{}",
        run.stdout
    );
}

/// The old script asked for secrets in the open. Here they come from the environment, only
/// commands that name them see them, and nothing prints them.
#[test]
fn issue_16_secrets_are_seen_by_those_who_need_them_alone() {
    const CANARY: &str = "canary-7f3a9c";
    let (local, ..) = machine(0, false);
    let path = local.repository().join(".github/ci-tool.yml");
    let text = std::fs::read_to_string(&path).expect("read");
    // `api` gets the secret and prints it while it fails; `web` must not see it.
    let text = text
        .replacen("[CI_TOOL_LOCAL]", "[CI_TOOL_LOCAL, DEPLOY_TOKEN]", 1)
        .replacen(
            " release: python3",
            " release: echo \"token $DEPLOY_TOKEN\" >&2; exit 1; python3",
            1,
        );
    write(&local.repository(), ".github/ci-tool.yml", &text);
    let run = finish(local.deploy(&[]).env("DEPLOY_TOKEN", CANARY));
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("token ***"), "{}", run.stdout);
    let journal = std::fs::read_to_string(local.journal()).expect("written");
    for text in [&run.stdout, &run.stderr, &journal] {
        assert!(!text.contains(CANARY), "{text}");
    }
    let seen = local.repository().join("seen");
    let parts: Vec<&str> = text.splitn(3, " release: ").collect();
    let text = format!(
        "{} release: python3 {} release: env > {}; exit 1; {}",
        parts[0],
        parts[1].trim_start_matches("echo \"token $DEPLOY_TOKEN\" >&2; exit 1; python3 "),
        seen.display(),
        parts[2]
    );
    write(&local.repository(), ".github/ci-tool.yml", text);
    let run = finish(local.deploy(&[]).env("DEPLOY_TOKEN", CANARY));
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    let seen = std::fs::read_to_string(seen).expect("the command ran");
    assert!(
        seen.contains("CI_TOOL_COMMIT=") && !seen.contains(CANARY),
        "{seen}"
    );
}

/// What the tool says to begin with is read by it, and says what was found.
#[test]
fn a_sketch_is_a_configuration() {
    for (name, expected) in [
        (
            "fastapi-nextjs",
            vec!["platform: railway", "platform: vercel", "needs: [backend]"],
        ),
        ("go-service", vec!["release: SCRIPT release"]),
    ] {
        let folder = crate::common::sample(name);
        let run = crate::common::ci_tool(folder.path(), &["config", "sketch"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        for text in expected {
            assert!(run.stdout.contains(text), "{name}: {text}: {}", run.stdout);
        }
        write(folder.path(), ".github/ci-tool.yml", &run.stdout);
        let checked = crate::common::ci_tool(folder.path(), &["config", "check"]);
        assert_eq!(checked.code, 0, "{name}: {}{}", run.stdout, checked.stderr);
    }
    // Who generates the workflow gets it as a first configuration, where there is none.
    let folder = crate::common::sample("fastapi-nextjs");
    let config = folder.path().join(".github/ci-tool.yml");
    let generate = |flag: &[&str]| {
        let arguments = [&["generate", "--only", "deploy"], flag].concat();
        crate::common::ci_tool(folder.path(), &arguments)
    };
    let sketch = crate::common::ci_tool(folder.path(), &["config", "sketch"]).stdout;
    let run = generate(&["--dry-run"]);
    assert!(run.stderr.contains("which would be new"), "{}", run.stderr);
    assert!(!config.exists(), "a dry run writes nothing");
    assert_eq!(generate(&["--check"]).code, 1);
    assert!(!config.exists(), "a check writes nothing");
    // A person's own is left alone, and told what it lacks.
    write(folder.path(), ".github/ci-tool.yml", "generate: {}\n");
    let run = generate(&["--dry-run"]);
    assert!(run.stderr.contains("config sketch"), "{}", run.stderr);
    std::fs::remove_file(&config).expect("removed");
    let run = generate(&[]);
    assert!(run.stderr.contains("which is new"), "{}", run.stderr);
    assert_eq!(std::fs::read_to_string(&config).expect("written"), sketch);
    let run = generate(&["--check"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(!run.stderr.contains("in capitals"), "{}", run.stderr);
    // What is in capitals deploys nothing.
    for (open, with) in [
        ("SERVICE-ID", "one"),
        ("ADDRESS.example.com/health", "api.example.com/health"),
        ("PROJECT-ID", "two"),
        ("DOMAIN.example.com", "staging.example.com"),
        ("ADDRESS.example.com/", "web.example.com/"),
    ] {
        let run = finish(
            crate::common::command()
                .current_dir(folder.path())
                .env("RAILWAY_TOKEN", "token")
                .env("VERCEL_TOKEN", "token")
                .args(["secrets", "check", "staging"]),
        );
        assert_eq!(run.code, 2, "{open}: {}{}", run.stdout, run.stderr);
        assert!(run.stderr.contains(open), "{open}: {}", run.stderr);
        let text = std::fs::read_to_string(&config).expect("read");
        write(
            folder.path(),
            ".github/ci-tool.yml",
            text.replace(open, with),
        );
    }
    let folder = crate::common::sample("docs-only");
    let run = crate::common::ci_tool(folder.path(), &["deploy", "staging"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("config sketch"), "{}", run.stderr);
}

/// The local machine with a line more in the configuration.
fn configured(local: &Local, old: &str, new: &str) {
    let path = local.repository().join(".github/ci-tool.yml");
    let text = std::fs::read_to_string(&path).expect("read");
    assert!(text.contains(old), "{text}");
    std::fs::write(path, text.replacen(old, new, 1)).expect("written");
}

#[test]
fn a_migration_that_cannot_be_undone_is_named_or_refused() {
    let (local, first, _) = machine(0, false);
    let folder = local.repository();
    write(
        &folder,
        "alembic.ini",
        "[alembic]\nscript_location = migrations\n",
    );
    let migration = |name: &str, down: &str, what: &str| {
        write(
            &folder,
            &format!("migrations/versions/{name}.py"),
            format!(
                "revision = \"{name}\"\ndown_revision = {down}\n\n\ndef upgrade():\n    {what}\n"
            ),
        );
    };
    migration("one", "None", "op.create_table(\"jobs\")");
    migration("two", "\"one\"", "op.drop_column(\"jobs\", \"city\")");
    configured(
        &local,
        "      soak: 0",
        "      migrations: refuse\n      soak: 0",
    );
    let second = local.commit("drops a column");
    let run = finish(&mut local.deploy(&[]));
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stdout
            .contains("is not deployed: migrations/versions/two.py:6"),
        "{}",
        run.stdout
    );
    assert_eq!(local.commits(), both(&first));

    configured(&local, "migrations: refuse", "migrations: warn");
    let run = finish(&mut local.deploy(&[]));
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stderr.contains("going back does not undo it"),
        "{}",
        run.stderr
    );
    assert_eq!(local.commits(), both(&second));

    // It is live now, and in nobody's way any more.
    configured(&local, "migrations: warn", "migrations: refuse");
    let third = local.commit("something else");
    let run = finish(&mut local.deploy(&[]));
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(local.commits(), both(&third));
}

#[test]
fn how_it_ended_is_sent_to_who_wants_to_know() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = format!(
        "http://{}/services/canary-path",
        listener.local_addr().expect("an address")
    );
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("accepted");
            let mut text = Vec::new();
            let mut buffer = [0; 4096];
            let is_whole = |text: &[u8]| {
                let text = String::from_utf8_lossy(text).to_ascii_lowercase();
                let (head, body) = text.split_once("\r\n\r\n")?;
                let length = head.split("content-length: ").nth(1)?.lines().next()?;
                Some(body.len() >= length.parse::<usize>().ok()?)
            };
            while is_whole(&text) != Some(true) {
                let read = stream.read(&mut buffer).expect("read");
                text.extend_from_slice(&buffer[..read]);
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            let text = String::from_utf8_lossy(&text).into_owned();
            let _ = sender.send(text.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned());
        }
    });
    let (local, _, second) = machine(0, false);
    configured(
        &local,
        "deploy:\n",
        "deploy:\n  notify: [TEAM_WEBHOOK, NOT_SET]\n",
    );
    let run = finish(local.deploy(&[]).env("TEAM_WEBHOOK", &address));
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let body = receiver
        .recv_timeout(Duration::from_secs(10))
        .expect("sent");
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let text = body["text"].as_str().expect("a text");
    assert!(text.contains("is live and healthy"), "{text}");
    assert_eq!(body["deployment"]["commit"], second.as_str());
    assert!(
        run.stderr.contains("NOT_SET: the variable is not set"),
        "{}",
        run.stderr
    );

    // An address that does not answer changes nothing, and is a secret.
    let run = finish(
        local
            .deploy(&[])
            .env("TEAM_WEBHOOK", "http://127.0.0.1:1/services/canary-path"),
    );
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("no notice was sent"), "{}", run.stderr);
    assert!(!run.stderr.contains("canary-path"), "{}", run.stderr);
}

#[test]
fn a_health_check_sends_the_secret_that_its_variable_holds() {
    let (local, ..) = machine(0, false);
    configured(
        &local,
        "url:",
        "secret: {header: x-bypass, variable: BYPASS_OF_HERE}\n              url:",
    );
    let run = finish(&mut local.deploy(&["--dry-run"]));
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stderr
            .contains("BYPASS_OF_HERE, which a health check of"),
        "{}",
        run.stderr
    );
}

/// What the configuration of deployments needs, the workflow that is generated for it has.
#[test]
fn the_workflow_hands_on_what_the_configuration_needs() {
    let folder = crate::common::sample("go-service");
    write(
        folder.path(),
        ".github/ci-tool.yml",
        "deploy:\n  services:\n    api: {platform: command, release: r, live: l, rollback: b, variables: [SSH_KEY]}\n    web: {platform: vercel, id: shop, token: SHOP_TOKEN}\n  environments:\n    staging:\n      services:\n        web: {alias: a.example.com, health: [{url: \"https://a.example.com/\", secret: {header: x-bypass, variable: BYPASS}}]}\n    production:\n      checks: [test]\n      services: {api: {}, web: {}}\n",
    );
    let run = crate::common::ci_tool(folder.path(), &["generate", "--only", "deploy"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let path = folder.path().join(".github/workflows/deploy.yml");
    let text = std::fs::read_to_string(&path).expect("written");
    let (staging, production) = text.split_once("\n  production:").expect("two jobs");
    for (job, has, has_not) in [
        (
            staging,
            vec!["SHOP_TOKEN", "BYPASS"],
            vec!["SSH_KEY", "VERCEL_TOKEN", "checks: read"],
        ),
        (
            production,
            vec!["SHOP_TOKEN", "SSH_KEY", "checks: read", "statuses: read"],
            vec!["BYPASS"],
        ),
    ] {
        for word in has {
            assert!(job.contains(word), "{word}: {job}");
        }
        for word in has_not {
            assert!(!job.contains(word), "{word}: {job}");
        }
        assert_eq!(
            job.matches("SHOP_TOKEN: ${{ secrets.SHOP_TOKEN }}").count(),
            2
        );
    }
    assert!(text.contains("name: Deploy all services"), "{text}");
    let actionlint = crate::common::peers().join("py/bin/actionlint");
    let done = std::process::Command::new(actionlint)
        .args(["-no-color", "-oneline"])
        .arg(&path)
        .output()
        .expect("actionlint starts");
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}");
}
