//! Every branch of every template, rendered from made-up projects: the samples
//! alone do not reach them all.

use ci_tool::workflows::plan::Current;
use ci_tool::workflows::{Catalog, Gitlab, OwnAction, Settings, Target, plan};

use crate::common::RELEASE;

/// A digest that stands for a release's image.
const DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The built-in templates.
pub fn catalog() -> Catalog {
    Catalog::built_in().expect("the built-in templates are sound")
}

/// Settings of a released build.
pub fn settings() -> Settings {
    Settings {
        own_action: OwnAction {
            uses: format!("intowork/ci-action@{RELEASE}"),
            version: Some("v1.0.0".to_owned()),
        },
        target: Target::All,
        uptime_urls: vec![
            "https://api.example.com/health?a=b%20&c=d#e".to_owned(),
            "http://[::1]:8000/~x".to_owned(),
        ],
        gitlab: Gitlab {
            tags: vec!["docker".to_owned(), "size: big # yes".to_owned()],
            image: Some(format!("registry.example.com/ci-tool:1@sha256:{DIGEST}")),
            ..Gitlab::default()
        },
        ..Settings::default()
    }
}

pub use ci_tool::workflows::examples::projects;

#[test]
fn every_branch_of_every_template_gives_a_sound_workflow() {
    let mut count = 0;
    for (name, project) in projects() {
        let plan = plan(&catalog(), &project, &settings(), &|_| Current::Missing)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        for file in plan.files {
            count += usize::from(file.content.is_some());
        }
    }
    assert!(count > 100, "{count}");
}
