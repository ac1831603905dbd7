//! Which job of a workflow or pipeline waits for which.

use serde_yaml::{Mapping, Value};

/// A job, or the events that a workflow starts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What people call it.
    pub name: String,
    /// Its steps, its stage or the events.
    pub remark: Option<String>,
    /// Whether it stands for the events.
    pub is_event: bool,
    /// The positions of those that it waits for.
    pub after: Vec<usize>,
}

/// The jobs of a workflow of GitHub or a pipeline of GitLab; none where the text is neither.
pub fn jobs(text: &str) -> Vec<Job> {
    let document: Option<Value> = serde_yaml::from_str(text).ok();
    let Some(document) = document.as_ref().and_then(Value::as_mapping) else {
        return Vec::new();
    };
    match document.get("jobs").and_then(Value::as_mapping) {
        Some(jobs) => github(document, jobs),
        None => gitlab(document),
    }
}

/// One for the events, and one for each job.
fn github(document: &Mapping, jobs: &Mapping) -> Vec<Job> {
    let events = match document.get("on") {
        Some(Value::Mapping(events)) => names(events.keys()),
        Some(Value::Sequence(events)) => names(events.iter()),
        Some(Value::String(event)) => event.clone(),
        _ => String::new(),
    };
    let mut found = vec![Job {
        name: "starts on".to_owned(),
        remark: Some(events),
        is_event: true,
        after: Vec::new(),
    }];
    let known: Vec<&str> = jobs.keys().filter_map(Value::as_str).collect();
    for (key, job) in jobs {
        let needs = match job.get("needs") {
            Some(Value::String(need)) => vec![need.as_str()],
            Some(Value::Sequence(needs)) => needs.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let mut after = positions(&known, &needs);
        after.iter_mut().for_each(|at| *at += 1);
        if after.is_empty() {
            after.push(0);
        }
        let name = job.get("name").and_then(Value::as_str);
        found.push(Job {
            // An expression in a name says nothing to people.
            name: name
                .filter(|name| !name.contains("${{"))
                .or(key.as_str())
                .unwrap_or_default()
                .to_owned(),
            remark: steps(job),
            is_event: false,
            after,
        });
    }
    found
}

fn steps(job: &Value) -> Option<String> {
    let count = job.get("steps")?.as_sequence()?.len();
    Some(if count == 1 {
        "1 step".to_owned()
    } else {
        format!("{count} steps")
    })
}

/// One for each job; without `needs` it waits for all of the stage before.
fn gitlab(document: &Mapping) -> Vec<Job> {
    let listed = document.get("stages").and_then(Value::as_sequence);
    let stages: Vec<&str> = listed
        .map(|stages| stages.iter().filter_map(Value::as_str).collect())
        .unwrap_or_else(|| vec!["build", "test", "deploy"]);
    let jobs: Vec<(&str, &Value)> = document
        .iter()
        .filter_map(|(key, job)| Some((key.as_str()?, job)))
        // GitLab's own words, and templates of jobs, have no script or begin with a point.
        .filter(|(name, job)| !name.starts_with('.') && job.get("script").is_some())
        .collect();
    let known: Vec<&str> = jobs.iter().map(|(name, _)| *name).collect();
    let stage = |job: &Value| match job.get("stage").and_then(Value::as_str) {
        Some(".pre") => Some(0),
        Some(".post") => Some(stages.len() + 1),
        name => {
            let name = name.unwrap_or("test");
            let position = stages.iter().position(|stage| *stage == name);
            position.map(|at| at + 1)
        }
    };
    let found = jobs.iter().map(|(name, job)| {
        let after = match job.get("needs").and_then(Value::as_sequence) {
            Some(needs) => {
                let name =
                    |need: &Value| need.get("job").unwrap_or(need).as_str().map(str::to_owned);
                let needs: Vec<String> = needs.iter().filter_map(name).collect();
                positions(
                    &known,
                    &needs.iter().map(String::as_str).collect::<Vec<_>>(),
                )
            }
            None => {
                let earlier = jobs.iter().filter_map(|(_, other)| stage(other));
                let before = earlier.filter(|other| Some(*other) < stage(job)).max();
                let is_before = |other: &&Value| before.is_some() && stage(other) == before;
                let all = jobs.iter().enumerate();
                all.filter(|(_, (_, other))| is_before(other))
                    .map(|(at, _)| at)
                    .collect()
            }
        };
        Job {
            name: (*name).to_owned(),
            remark: job
                .get("stage")
                .and_then(Value::as_str)
                .map(|stage| format!("stage {stage}")),
            is_event: false,
            after,
        }
    });
    found.collect()
}

fn positions(known: &[&str], names: &[&str]) -> Vec<usize> {
    let position = |name: &&str| known.iter().position(|known| known == name);
    names.iter().filter_map(position).collect()
}

fn names<'v>(values: impl Iterator<Item = &'v Value>) -> String {
    values
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(String, Vec<usize>)> {
        let jobs = jobs(text).into_iter();
        jobs.map(|job| (job.name, job.after)).collect()
    }

    #[test]
    fn needs_are_arrows_and_events_come_first() {
        let text = "on: {push: {}, schedule: []}\njobs:\n  a: {steps: [{run: x}]}\n  b: {needs: a, name: \"B ${{ x }}\"}\n  c: {needs: [a, b], name: Last}\n";
        let expected = [
            ("starts on", vec![]),
            ("a", vec![0]),
            ("b", vec![1]),
            ("Last", vec![1, 2]),
        ];
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(name, after)| (name.to_owned(), after))
            .collect();
        assert_eq!(told(text), expected);
        assert_eq!(jobs(text)[0].remark.as_deref(), Some("push, schedule"));
        assert_eq!(jobs(text)[1].remark.as_deref(), Some("1 step"));
    }

    #[test]
    fn stages_are_waited_for_unless_needs_say_otherwise() {
        let text = "stages: [one, two, three]\nvariables: {A: b}\n.hidden: {script: [x]}\nx: {stage: one, script: [a]}\ny: {stage: three, script: [a]}\nz: {stage: three, script: [a], needs: []}\nw: {stage: three, script: [a], needs: [{job: x}, y]}\nlast: {stage: .post, script: [a]}\n";
        let expected = [
            ("x", vec![]),
            ("y", vec![0]),
            ("z", vec![]),
            ("w", vec![0, 1]),
            ("last", vec![1, 2, 3]),
        ];
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(name, after)| (name.to_owned(), after))
            .collect();
        assert_eq!(told(text), expected);
    }

    #[test]
    fn what_is_no_pipeline_has_no_jobs() {
        for text in [
            "",
            "- a",
            "a: b",
            "{",
            "version: 2\nupdates: [{directory: /}]",
        ] {
            assert_eq!(jobs(text), Vec::new(), "{text}");
        }
    }
}
