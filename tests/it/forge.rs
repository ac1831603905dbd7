//! The HTTP client against a fake GitHub that fails in every way that the real
//! one does, and some others.

use std::time::{Duration, Instant};

use ci_tool::forge::github::GitHub;
use ci_tool::forge::http::Patience;
use ci_tool::forge::{self, Error, Limit};
use ci_tool::sys::env::Env;

use crate::common::github::{CANARY, FakeGitHub, Fault, Repo, sha};

/// Short enough for a test.
fn patience() -> Patience {
    Patience {
        connect: Duration::from_millis(500),
        answer: Duration::from_millis(800),
        retries: 2,
        first_wait: Duration::from_millis(10),
        longest_wait: Duration::from_millis(1500),
        secondary_limit: Duration::from_millis(50),
    }
}

fn client(url: &str) -> GitHub {
    let env = Env::from_pairs([("GITHUB_API_URL", url), ("GITHUB_TOKEN", CANARY)]);
    GitHub::new(&env, patience()).expect("the address is right")
}

fn fake() -> FakeGitHub {
    FakeGitHub::start().with("a/b", Repo::default())
}

/// Asks for `a/b`; whatever goes wrong, the token is not in it.
fn ask(url: &str) -> Result<(), Error> {
    ask_by(&client(url))
}

fn ask_by(github: &GitHub) -> Result<(), Error> {
    assert!(!format!("{github:?}").contains(CANARY));
    let answer = forge::run(github.repository("a", "b")).expect("a runtime");
    match answer {
        Ok(found) => {
            assert!(found.is_some());
            Ok(())
        }
        Err(error) => {
            let told = format!("{error} {error:?} {}", error.hint());
            assert!(!told.contains(CANARY), "{told}");
            assert!(error.hint().len() > 10, "{error:?}");
            Err(error)
        }
    }
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let body = " ".repeat(33 << 20);
    let fake = fake().fail("/repos/a/b", 1, Fault::Answer(200, vec![], body));
    let env = Env::from_pairs([
        ("GITHUB_API_URL", fake.url.as_str()),
        ("GITHUB_TOKEN", CANARY),
    ]);
    // So much takes its time on a machine that has other things to do.
    let patience = Patience {
        answer: Duration::from_secs(60),
        ..patience()
    };
    let github = GitHub::new(&env, patience).expect("the address is right");
    let error = ask_by(&github).expect_err("too large");
    assert!(error.to_string().contains("larger than 32 MiB"), "{error}");
}

#[test]
fn a_question_carries_who_asks_and_the_token() {
    let fake = fake();
    ask(&fake.url).expect("an answer");
    let headers = &fake.exchanges()[0].headers;
    assert_eq!(headers["authorization"], format!("Bearer {CANARY}"));
    assert!(headers["user-agent"].starts_with("ci-tool/"));
    assert_eq!(headers["accept"], "application/vnd.github+json");
    assert_eq!(headers["x-github-api-version"], "2022-11-28");
}

#[test]
fn refusals_are_told_apart() {
    let far = "4102444800";
    for (fault, expected, questions) in [
        (Fault::refusal(401, "Bad credentials", &[]), "401", 1),
        (
            Fault::refusal(403, "Resource not accessible by integration", &[]),
            "not allowed (403): Resource not accessible",
            1,
        ),
        (
            Fault::refusal(
                403,
                "API rate limit exceeded",
                &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", far)],
            ),
            "the rate limit reached",
            1,
        ),
        (
            Fault::refusal(429, "Too many", &[("retry-after", "3600")]),
            "a secondary rate limit reached",
            1,
        ),
        // Without a time the documentation's minute is waited, here 50 ms.
        (
            Fault::refusal(403, "You have exceeded a secondary rate limit.", &[]),
            "a secondary rate limit reached",
            3,
        ),
        (
            Fault::refusal(500, "Server Error", &[]),
            "the answer was 500: Server Error",
            3,
        ),
        (
            Fault::refusal(451, "Access blocked", &[]),
            "the answer was 451: Access blocked",
            1,
        ),
        (
            // A server that sends our token back.
            Fault::refusal(403, &format!("what is {CANARY}?"), &[]),
            "what is ***?",
            1,
        ),
        (
            Fault::Answer(200, vec![], "<html>".to_owned()),
            "not the documented JSON",
            1,
        ),
        (
            Fault::Answer(200, vec![], "{}".to_owned()),
            "missing field",
            1,
        ),
        (Fault::Hang, "no answer within 800ms", 0),
        (Fault::Truncated, "body", 3),
        (
            Fault::Answer(302, vec![], String::new()),
            "leads to another host, or nowhere",
            1,
        ),
    ] {
        let fake = fake().fail("/repos/a/b", 100, fault);
        let error = ask(&fake.url).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}: {expected}");
        assert_eq!(fake.exchanges().len(), questions, "{expected}");
    }
}

#[test]
fn what_a_server_says_stays_on_its_line() {
    let fault = Fault::refusal(403, "no\n::error::evil\u{1b}[31m", &[]);
    let fake = fake().fail("/repos/a/b", 1, fault);
    let told = ask(&fake.url).expect_err("a refusal").to_string();
    assert!(told.ends_with("no\\n::error::evil\\u{1b}[31m"), "{told}");
}

#[test]
fn what_passes_is_asked_again() {
    for fault in [
        Fault::refusal(502, "Bad gateway", &[]),
        Fault::refusal(503, "", &[]),
        Fault::refusal(408, "Timeout", &[]),
        Fault::refusal(403, "You have exceeded a secondary rate limit.", &[]),
        Fault::Truncated,
        Fault::Hang,
    ] {
        let fake = fake().fail("/repos/a/b", 1, fault.clone());
        ask(&fake.url).unwrap_or_else(|error| panic!("{fault:?}: {error}"));
    }
}

#[test]
fn the_time_that_the_api_asks_for_is_waited() {
    let fault = Fault::refusal(429, "secondary rate limit", &[("retry-after", "1")]);
    let fake = fake().fail("/repos/a/b", 1, fault);
    let started = Instant::now();
    ask(&fake.url).expect("the second time");
    // The server's second began a moment before ours.
    assert!(started.elapsed() > Duration::from_millis(900));
    assert_eq!(fake.exchanges().len(), 2);
}

#[test]
fn a_limit_that_is_too_far_says_until_when() {
    let fault = Fault::refusal(
        403,
        "API rate limit exceeded for user",
        &[
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "4102444800"),
        ],
    );
    let fake = fake().fail("/repos/a/b", 1, fault);
    let error = ask(&fake.url).expect_err("too long");
    assert!(matches!(
        &error,
        Error::RateLimited {
            limit: Limit::Primary,
            until: Some(_),
            ..
        }
    ));
    assert!(error.hint().contains("minutes"), "{}", error.hint());
}

#[test]
fn nobody_listens() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let error = ask(&url).expect_err("nobody is there");
    assert!(matches!(error, Error::Network { .. }), "{error:?}");
}

#[test]
fn a_token_leaves_for_one_host_only() {
    let other = FakeGitHub::start().with("a/b", Repo::default());
    for target in [
        format!("{}/repos/a/b", other.url),
        format!("//{}/repos/a/b", other.url.trim_start_matches("http://")),
    ] {
        let fault = Fault::Answer(302, vec![("location", target.clone())], String::new());
        let fake = fake().fail("/repos/a/b", 100, fault);
        let error = ask(&fake.url).expect_err("it is another host");
        assert!(
            matches!(error, Error::Unexpected { .. }),
            "{target}: {error:?}"
        );
    }
    // Nor does the next page of a list lead there.
    let link = format!("<{}/repos/a/b/tags?page=2>; rel=\"next\"", other.url);
    let fake = fake().fail(
        "/tags",
        1,
        Fault::Answer(200, vec![("link", link)], "[]".to_owned()),
    );
    let github = client(&fake.url);
    let error = forge::run(github.tags("a", "b"))
        .expect("a runtime")
        .expect_err("another host");
    assert!(error.to_string().contains("another host"), "{error}");
    assert_eq!(other.exchanges().len(), 0);
}

#[test]
fn a_renamed_repository_is_followed() {
    let repo = Repo::default().renamed_from("a/b");
    let fake = FakeGitHub::start().with("new/name", repo);
    let github = client(&fake.url);
    let found = forge::run(github.repository("a", "b"))
        .expect("a runtime")
        .expect("an answer");
    assert_eq!(found.expect("there").full_name, "new/name");
    let circle = Fault::Answer(
        301,
        vec![("location", "/repos/a/b".to_owned())],
        String::new(),
    );
    let fake = FakeGitHub::start().fail("/repos/a/b", 100, circle);
    let error = ask(&fake.url).expect_err("a circle");
    assert!(error.to_string().contains("redirects"), "{error}");
}

#[test]
fn long_lists_are_read_to_their_end() {
    let mut repo = Repo::default().commit("c", &[], 1).annotated("deep", "c");
    for number in 0..250 {
        repo = repo.tag(&format!("v1.{number}"), "c");
    }
    let fake = FakeGitHub::start().with("a/b", repo);
    let github = client(&fake.url);
    let tags = forge::run(github.tags("a", "b"))
        .expect("a runtime")
        .expect("a list");
    assert_eq!(tags.len(), 251);
    assert!(tags.iter().all(|tag| tag.commit.sha == sha("c")));
    assert_eq!(fake.exchanges().len(), 3);
    let commit = forge::run(github.commit_of_tag("a", "b", "deep")).expect("a runtime");
    assert_eq!(commit.expect("an answer"), Some(sha("c")));
}

#[test]
fn what_still_holds_is_not_sent_again() {
    let body = |name: &str| {
        format!(
            r#"{{"full_name": "{name}", "archived": false, "private": false, "default_branch": "main"}}"#
        )
    };
    let named = |name: &'static str| vec![("etag", name.to_owned())];
    let fake = fake()
        .fail(
            "/repos/a/b",
            1,
            Fault::Answer(200, named("W/\"1\""), body("a/b")),
        )
        .fail(
            "/repos/a/b",
            2,
            Fault::Answer(304, named("W/\"1\""), String::new()),
        )
        .fail(
            "/repos/a/b",
            1,
            Fault::Answer(200, named("W/\"2\""), body("a/c")),
        )
        .fail(
            "/repos/a/b",
            1,
            Fault::Answer(304, named("W/\"2\""), String::new()),
        )
        .fail("/repos/a/b", 1, Fault::refusal(404, "Not Found", &[]))
        // Without a name it is nothing to come back to.
        .fail("/repos/a/b", 1, Fault::Answer(200, Vec::new(), body("a/d")));
    let github = client(&fake.url);
    let name = || {
        let found = forge::run(github.repository("a", "b")).expect("a runtime");
        found.expect("an answer").map(|found| found.full_name)
    };
    let names: Vec<Option<String>> = (0..7).map(|_| name()).collect();
    let names: Vec<&str> = names
        .iter()
        .map(|name| name.as_deref().unwrap_or("-"))
        .collect();
    assert_eq!(names, ["a/b", "a/b", "a/b", "a/c", "a/c", "-", "a/d"]);
    name();
    let exchanges = fake.exchanges();
    let asked: Vec<&str> = exchanges
        .iter()
        .map(|one| one.headers.get("if-none-match").map_or("-", String::as_str))
        .collect();
    let (first, second) = ("W/\"1\"", "W/\"2\"");
    assert_eq!(
        asked,
        ["-", first, first, first, second, second, second, "-"]
    );

    // Nobody asked whether it still holds.
    let fake = self::fake().fail(
        "/repos/a/b",
        9,
        Fault::Answer(304, Vec::new(), String::new()),
    );
    let error = ask(&fake.url).expect_err("no answer");
    assert!(error.to_string().contains("304"), "{error}");
}
