//! Branches and tags that are called otherwise on the mirror.

use crate::common::repositories::{Bare, Pair};

const NAMES: &str = "  names:
    main: upstream/main
    tags/v*: tags/upstream-v*
";

fn named(keys: &str) -> Pair {
    let pair = Pair::new();
    pair.configure(keys);
    pair
}

#[test]
fn a_branch_of_another_name_is_kept_the_same_and_its_namesake_is_left_alone() {
    let pair = named(NAMES);
    let own = pair.mirror.commit("main", "the mirror's own", &[]);
    let one = pair.source.commit("main", "one", &[]);
    pair.source.set("refs/tags/v1", &one);
    pair.source.commit("topic", "two", &[&one]);
    let text = pair.synced(&["--adopt", "**"], 0).stdout;
    assert!(
        text.contains("refs/heads/main (refs/heads/upstream/main on the mirror)"),
        "{text}"
    );
    let names =
        |of: &Bare| -> Vec<String> { of.visible().into_iter().map(|(name, _)| name).collect() };
    assert_eq!(
        names(&pair.mirror),
        [
            "refs/heads/main",
            "refs/heads/topic",
            "refs/heads/upstream/main",
            "refs/tags/upstream-v1"
        ]
    );
    assert_eq!(
        pair.mirror.read("refs/heads/upstream/main"),
        Some(one.clone())
    );
    assert_eq!(pair.mirror.read("refs/heads/main").as_ref(), Some(&own));
    assert!(pair.synced(&[], 0).stdout.contains("3 refs are the same ("));
    assert!(pair.synced(&["--verify"], 0).stdout.contains("3"));
    // What somebody commits there is a conflict, told with the mirror's name in its commands.
    let theirs = pair.mirror.commit("upstream/main", "theirs", &[]);
    let text = pair.synced(&[], 1).stdout;
    assert!(
        text.contains("git fetch") && text.contains(" refs/heads/upstream/main\n"),
        "{text}"
    );
    assert!(text.contains("FETCH_HEAD:refs/heads/main"), "{text}");
    // Both ways it comes to the source, under the source's name.
    pair.synced(&["--direction", "both"], 0);
    assert_eq!(pair.source.read("refs/heads/main"), Some(theirs));
    assert_eq!(names(&pair.source).len(), 3);
    // What is deleted at the source is deleted under its other name.
    pair.source.delete("refs/tags/v1");
    pair.synced(&[], 0);
    assert_eq!(pair.mirror.read("refs/tags/upstream-v1"), None);
    assert_eq!(pair.mirror.read("refs/heads/main"), Some(own));
}

/// Back from the mirror the same rules hold.
#[test]
fn pulling_uses_the_names_the_other_way() {
    let pair = named(NAMES);
    let one = pair.mirror.commit("upstream/main", "one", &[]);
    pair.mirror.set("refs/tags/upstream-v1", &one);
    pair.synced(&["--direction", "pull"], 0);
    assert_eq!(pair.source.read("refs/heads/main"), Some(one.clone()));
    assert_eq!(pair.source.read("refs/tags/v1"), Some(one));
    assert_eq!(pair.source.read("refs/heads/upstream/main"), None);
}

/// Other names are another sync: what the record of the first says is no reason to delete.
#[test]
fn changed_names_take_nothing_away() {
    let pair = named("");
    let one = pair.source.commit("main", "one", &[]);
    pair.synced(&["--direction", "both"], 0);
    pair.configure(NAMES);
    let run = pair.sync(&[
        "--direction",
        "both",
        "--prune-limit",
        "100",
        "--prune-percent",
        "100",
    ]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(pair.source.read("refs/heads/main"), Some(one.clone()));
    assert_eq!(
        pair.mirror.read("refs/heads/upstream/main"),
        Some(one.clone())
    );
    assert_eq!(pair.mirror.read("refs/heads/main"), Some(one));
}

#[test]
fn names_that_meet_are_refused() {
    let pair = named(NAMES);
    let one = pair.source.commit("main", "one", &[]);
    pair.source.commit("upstream/main", "two", &[&one]);
    let run = pair.sync(&[]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(
        run.stderr.contains("refs/heads/main and refs/heads/upstream/main of the source have the same name on the mirror"),
        "{}",
        run.stderr
    );
    assert_eq!(pair.mirror.refs("refs"), []);
    // One that is left out is in nobody's way.
    pair.synced(&["--exclude", "upstream/*"], 0);
    assert_eq!(pair.mirror.read("refs/heads/upstream/main"), Some(one));
    let wrong = named("  names:\n    main: a b\n");
    let run = wrong.sync(&[]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("ci-tool.yml:3") && run.stderr.contains("`a b` is no name"),
        "{}",
        run.stderr
    );
}
