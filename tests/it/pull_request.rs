//! All that a run tells on a pull request, together: upload, check and comment, on one GitHub.

use serde_json::json;

use crate::check_run::{self, Checks};
use crate::comment::Thread;
use crate::common::github::CANARY;
use crate::common::rest::{Answer, Answers, Question, Rest};
use crate::common::{finish, git, write};
use crate::upload::State;

/// No run asks GitHub more often.
const MOST: usize = 15;

struct Whole {
    scanning: State,
    checks: Checks,
    thread: Thread,
}

impl Answers for Whole {
    fn answer(&mut self, question: &Question<'_>) -> Answer {
        match question.target {
            target if target.contains("/code-scanning/") => self.scanning.answer(question),
            target if target.contains("/check-runs") => self.checks.answer(question),
            _ => self.thread.answer(question),
        }
    }
}

#[test]
fn a_whole_run_asks_github_few_questions() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let folder = folder.path();
    check_run::report(folder, 400);
    git(folder, &["init", "--quiet"]);
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", "one"]);
    let event = json!({"pull_request": {"number": 7, "head": {"sha": check_run::COMMIT, "repo": {"fork": false}}}});
    write(folder, "event.json", event.to_string());
    let mut thread = Thread::new();
    for at in 0..350 {
        thread.add("someone", "User", &format!("words {at}"));
    }
    let mut scanning = State::default();
    let pending = json!({"processing_status": "pending"});
    scanning.processing.extend([pending.clone(), pending]);
    let github = Rest::start(Whole {
        scanning,
        checks: Checks::new(),
        thread,
    });
    let run = |number: &str| {
        let run = finish(
            check_run::job(&github.url, folder)
                .env("GITHUB_EVENT_NAME", "pull_request")
                .env("GITHUB_REF", "refs/pull/7/merge")
                .env("GITHUB_RUN_ID", number)
                .env("INPUT_UPLOAD", "true")
                .env("INPUT_COMMENT", "true"),
        );
        assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
        assert!(!run.stdout.contains(CANARY) && !run.stderr.contains(CANARY));
        assert!(!run.stderr.contains("no c"), "{}", run.stderr);
    };
    run("1");
    // The upload, three looks at it, three parts of a check, four pages of comments, who we
    // are, and a new comment.
    let first = github.asked();
    {
        let whole = github.lock();
        assert_eq!(whole.scanning.uploads.len(), 1);
        assert_eq!(whole.checks.created.len(), 1);
        assert_eq!(whole.thread.bodies().len(), 351);
    }
    // A look that GitHub lets us wait longest for has two more.
    assert!(first + 2 <= MOST, "{first}");
    run("2");
    assert!(github.asked() - first + 4 <= MOST, "{}", github.asked());
    assert_eq!(github.lock().thread.bodies().len(), 351);
    github.follows_the_description();
}
