//! What is done with one file, from its three texts: what was generated last,
//! what is there, what would be generated now.

use super::catalog::Kind;
use super::check;
use super::drift::{self, Drift};
use super::header::{self, Origin};
use super::lock::{self, Record};
use super::merge::{self, Conflict, Outcome, Versions};
use super::plan::{Current, Status};

/// A file as it is, and all that is known of it.
pub(super) struct Situation<'a> {
    pub(super) kind: Kind,
    pub(super) before: &'a Current,
    /// What was recorded of the last generation.
    pub(super) recorded: Option<&'a Record>,
    /// What would be recorded now.
    pub(super) fresh: &'a Record,
    /// Replace what others wrote.
    pub(super) force: bool,
    /// A person says that the file holds what it should of the fresh text.
    pub(super) resolved: bool,
}

/// What is done, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) status: Status,
    pub(super) reason: String,
    /// The text that is written; `None` where nothing is.
    pub(super) content: Option<String>,
    pub(super) notes: Vec<String>,
    pub(super) conflicts: Vec<Conflict>,
    pub(super) drift: Vec<Drift>,
    /// Whether the fresh record replaces the old one.
    pub(super) record: bool,
}

impl Decision {
    fn new(status: Status, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
            content: None,
            notes: Vec::new(),
            conflicts: Vec::new(),
            drift: Vec::new(),
            record: false,
        }
    }

    fn recorded(mut self) -> Self {
        self.record = true;
        self
    }

    fn writing(mut self, content: String) -> Self {
        self.content = Some(content);
        self.recorded()
    }
}

pub(super) fn decide(situation: &Situation<'_>) -> Decision {
    let fresh = situation.fresh;
    let text = match situation.before {
        Current::Text(text) => text,
        Current::Missing if situation.recorded.is_some() && !situation.force => {
            return Decision::new(
                Status::Removed,
                "deleted since it was generated, so it stays away; --force writes it again",
            );
        }
        Current::Missing => {
            return Decision::new(Status::Create, "").writing(fresh.text.clone());
        }
        Current::Unreadable(why) => return foreign(situation, &format!(" ({why})")),
    };
    // A file checked out with CRLF stays so.
    let crlf = text.contains("\r\n");
    let as_there = |content: &str| {
        if crlf {
            content.replace('\n', "\r\n")
        } else {
            content.to_owned()
        }
    };
    if text.replace("\r\n", "\n") == fresh.text {
        return Decision::new(Status::Unchanged, "as it should be").recorded();
    }
    let mut decision = match header::origin(text) {
        Origin::Ours { .. } => Decision::new(Status::Update, "").writing(as_there(&fresh.text)),
        _ if situation.force => overwrite(as_there(&fresh.text)),
        Origin::Foreign if situation.recorded.is_some() => Decision::new(
            Status::TakenOver,
            "its mark was taken out, so it is yours and left alone; --force replaces it and keeps a copy",
        ),
        Origin::Foreign => foreign(situation, ""),
        Origin::Edited { .. } => join(situation, text),
    };
    decision.drift = match situation.recorded {
        Some(recorded) if decision.status.is_drift() => drift::between(recorded, fresh),
        _ => Vec::new(),
    };
    if decision.status == Status::Update {
        decision.reason = if decision.drift.is_empty() {
            "the project or the template changed since it was generated".to_owned()
        } else {
            drift::in_words(&decision.drift)
        };
    } else if decision.status == Status::Merge && !decision.drift.is_empty() {
        decision.reason = format!("{}; {}", drift::in_words(&decision.drift), decision.reason);
    }
    decision
}

fn overwrite(content: String) -> Decision {
    Decision::new(
        Status::Overwrite,
        "replaced because of --force; a copy of the old file is kept",
    )
    .writing(content)
}

fn foreign(situation: &Situation<'_>, why: &str) -> Decision {
    if situation.force {
        return overwrite(situation.fresh.text.clone());
    }
    Decision::new(
        Status::Foreign,
        format!(
            "a file of this name that ci-tool did not write{why} is left alone; rename it, or \
             --force replaces it and keeps a copy"
        ),
    )
}

/// Joins what a person did to a file with what the template gives now.
fn join(situation: &Situation<'_>, text: &str) -> Decision {
    let fresh = situation.fresh;
    let mark = header::mark_line(text);
    let edited = || {
        Decision::new(
            Status::Edited,
            "edited by a person; what it was generated from did not change",
        )
    };
    // What it was generated from is what would be generated now.
    if mark == header::mark_line(&fresh.text) {
        return edited().recorded();
    }
    if situation.resolved {
        return Decision::new(Status::Merge, "joined by hand (--resolved)").writing(
            header::with_mark(&header::without_mark(text), text, &fresh.text),
        );
    }
    let conflict = |reason: &str, conflicts: Vec<Conflict>| Decision {
        conflicts,
        ..Decision::new(Status::Conflict, reason)
    };
    let Some(recorded) = situation.recorded else {
        return conflict(
            &format!(
                "edited by a person, and {} does not say what was generated: bring the record \
                 back from git, or put in by hand what the difference shows and say --resolved, \
                 or --force replaces the file and keeps a copy",
                lock::PATH
            ),
            Vec::new(),
        );
    };
    if mark != header::mark_line(&recorded.text) {
        return conflict(
            &format!(
                "the record in {} is not of the generation that this file was made in: bring both \
                 to one commit, or put in by hand what the difference shows and say --resolved",
                lock::PATH
            ),
            Vec::new(),
        );
    }
    let base = header::without_mark(&recorded.text);
    let theirs = header::without_mark(text);
    let ours = header::without_mark(&fresh.text);
    let outcome = merge::merge(Versions {
        base: &base,
        theirs: &theirs,
        ours: &ours,
    });
    match outcome {
        Outcome::Conflict(conflicts) => conflict(
            "you and the template changed the same place: the file is left as it is. Put in by \
             hand what you want of the new version and say --resolved, or --force replaces the \
             file and keeps a copy",
            conflicts,
        ),
        Outcome::Merged {
            text: merged,
            notes,
        } => {
            // What a person wrote may break rules that only generated text keeps;
            // joining must add no problem of its own.
            let known: Vec<String> = messages(situation.kind, &theirs);
            let added: Vec<String> = messages(situation.kind, &merged)
                .into_iter()
                .filter(|message| !known.contains(message))
                .collect();
            if !added.is_empty() {
                return conflict(
                    &format!(
                        "joining your edits with the new version gives no sound file ({}): it is \
                         left as it is. Put in by hand what you want of the new version and say --resolved",
                        added.join("; ")
                    ),
                    Vec::new(),
                );
            }
            let mut decision = Decision::new(Status::Merge, "joined with your edits")
                .writing(header::with_mark(&merged, text, &fresh.text));
            decision.notes = notes;
            decision
        }
    }
}

/// What is wrong with a text, without the places, which joining moves.
fn messages(kind: Kind, text: &str) -> Vec<String> {
    check::problems_of(kind, text)
        .into_iter()
        .map(|problem| match problem.message.split_once(" at line ") {
            Some((message, _)) => message.to_owned(),
            None => problem.message,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::workflows::drift::Cause;

    const V1: &str = "name: X\non: push\njobs:\n  a:\n    runs-on: one\n    steps:\n      - name: A\n        run: a\n";

    fn record(version: u32, body: &str) -> Record {
        Record {
            template: "t".to_owned(),
            version,
            template_digest: version.to_string(),
            facts: BTreeMap::new(),
            pins: BTreeMap::new(),
            text: header::stamp("t", version, body),
        }
    }

    fn decide_on(before: &str, recorded: Option<&Record>, fresh: &Record) -> Decision {
        decide(&Situation {
            kind: Kind::Gitlab,
            before: &Current::Text(before.to_owned()),
            recorded,
            fresh,
            force: false,
            resolved: false,
        })
    }

    #[test]
    fn an_edit_is_joined_with_the_new_version_and_is_no_drift_alone() {
        let then = record(1, V1);
        let now = record(2, &V1.replace("runs-on: one", "runs-on: two"));
        let edited = format!("{}      - name: Mine\n        run: mine\n", then.text);
        let alone = decide_on(&edited, Some(&then), &then);
        assert_eq!(alone.status, Status::Edited);
        assert_eq!((alone.content, alone.drift), (None, Vec::new()));

        let joined = decide_on(&edited, Some(&then), &now);
        assert_eq!(joined.status, Status::Merge, "{joined:?}");
        assert_eq!(joined.drift[0].cause, Cause::Template);
        let text = joined.content.expect("it is written");
        assert_eq!(
            text,
            format!("{}      - name: Mine\n        run: mine\n", now.text)
        );
        // The next run finds nothing new.
        assert_eq!(decide_on(&text, Some(&now), &now).status, Status::Edited);
        // So it does where the run was cut short before the record was written.
        let late = decide_on(&text, Some(&then), &now);
        assert_eq!((late.status, late.record), (Status::Edited, true));
    }

    #[test]
    fn windows_line_endings_are_kept() {
        let then = record(1, V1);
        let now = record(2, &V1.replace("runs-on: one", "runs-on: two"));
        let crlf = then.text.replace('\n', "\r\n");
        assert_eq!(
            decide_on(&crlf, Some(&then), &then).status,
            Status::Unchanged
        );
        let updated = decide_on(&crlf, Some(&then), &now);
        assert_eq!(updated.content, Some(now.text.replace('\n', "\r\n")));
        let joined = decide_on(&format!("{crlf}# mine\r\n"), Some(&then), &now);
        assert_eq!(
            joined.content,
            Some(format!("{}# mine\r\n", now.text.replace('\n', "\r\n")))
        );
    }

    #[test]
    fn what_cannot_be_joined_is_left_until_a_person_says_so() {
        let then = record(1, V1);
        let now = record(2, &V1.replace("runs-on: one", "runs-on: two"));
        let edited = then.text.replace("runs-on: one", "runs-on: mine");
        let conflict = decide_on(&edited, Some(&then), &now);
        assert_eq!(conflict.status, Status::Conflict);
        assert_eq!((conflict.content, conflict.record), (None, false));
        assert!(!conflict.conflicts.is_empty());
        let resolved = decide(&Situation {
            kind: Kind::Gitlab,
            before: &Current::Text(edited.clone()),
            recorded: Some(&then),
            fresh: &now,
            force: false,
            resolved: true,
        });
        let text = resolved.content.expect("the mark is written");
        assert_eq!(header::without_mark(&text), header::without_mark(&edited));
        assert_eq!(decide_on(&text, Some(&now), &now).status, Status::Edited);
    }

    #[test]
    fn a_wrong_or_missing_record_joins_nothing() {
        let then = record(1, V1);
        let now = record(2, &V1.replace("runs-on: one", "runs-on: two"));
        let edited = format!("{}# mine\n", then.text);
        for recorded in [None, Some(record(7, V1))] {
            let decision = decide_on(&edited, recorded.as_ref(), &now);
            assert_eq!(decision.status, Status::Conflict);
            assert!(
                decision.reason.contains("ci-tool.lock"),
                "{}",
                decision.reason
            );
        }
        // Without a record an unedited file says itself what it was.
        assert_eq!(decide_on(&then.text, None, &now).status, Status::Update);
    }

    #[test]
    fn what_a_person_took_away_stays_away() {
        let then = record(1, V1);
        let now = record(2, &V1.replace("runs-on: one", "runs-on: two"));
        let missing = |force| {
            decide(&Situation {
                kind: Kind::Gitlab,
                before: &Current::Missing,
                recorded: Some(&then),
                fresh: &now,
                force,
                resolved: false,
            })
        };
        assert_eq!(missing(false).status, Status::Removed);
        assert!(!missing(false).record);
        assert_eq!(missing(true).status, Status::Create);
        let taken = decide_on(&header::without_mark(&then.text), Some(&then), &now);
        assert_eq!((taken.status, taken.content), (Status::TakenOver, None));
        assert!(!taken.status.is_drift());
    }

    #[test]
    fn joining_that_breaks_the_file_is_a_conflict() {
        let workflow = "name: X\non: push\npermissions: {}\nconcurrency: x\njobs:\n  a:\n    name: A\n    runs-on: one\n    timeout-minutes: 5\n    steps:\n      - name: A\n        run: a\n";
        let with_b = format!(
            "{workflow}  b:\n    name: B\n    runs-on: one\n    timeout-minutes: 5\n    steps:\n      - name: B\n        run: b\n"
        );
        let then = record(1, &with_b);
        let now = record(2, workflow);
        // The person's job needs the one that the new version drops.
        let edited = format!(
            "{}  c:\n    name: C\n    needs: b\n    runs-on: one\n    timeout-minutes: 5\n    steps:\n      - name: C\n        run: c\n",
            then.text
        );
        let decision = decide(&Situation {
            kind: Kind::Workflow,
            before: &Current::Text(edited),
            recorded: Some(&then),
            fresh: &now,
            force: false,
            resolved: false,
        });
        assert_eq!(decision.status, Status::Conflict, "{decision:?}");
        assert!(
            decision.reason.contains("no job `b`"),
            "{}",
            decision.reason
        );
    }
}
