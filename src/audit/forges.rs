//! Where pushes of pipelines go to.

use super::Facts;
use super::pushes::Push;

/// Words in addresses and names of remotes that say which forge is there.
const FORGES: [&str; 10] = [
    "gitlab",
    "bitbucket",
    "codeberg",
    "gitee",
    "gitea",
    "forgejo",
    "git.sr.ht",
    "dev.azure.com",
    "codecommit",
    "framagit",
];

/// Whether what a push says of its remote, or what its pipeline says where it adds the
/// remote, has this word. What is only in a variable of another name is not known.
pub(super) fn names(facts: &Facts<'_>, push: &Push, word: &str) -> bool {
    let has = |text: &str| text.to_ascii_lowercase().contains(word);
    // The own server of GitLab's pipeline.
    if push.remote.contains("CI_SERVER") || push.remote.contains("CI_REPOSITORY_URL") {
        return false;
    }
    if has(&push.remote) {
        return true;
    }
    let text = facts.tree.text(&push.path).unwrap_or_default();
    text.lines().any(|line| {
        let adds = line.contains("remote add") || line.contains("remote set-url");
        let mut words = line
            .split_whitespace()
            .map(|word| word.trim_matches(['"', '\'']));
        adds && has(line) && words.any(|word| word == push.remote)
    })
}

/// Whether a push of a workflow brings the repository to another forge, or all of it
/// somewhere else. A push to Heroku, to a page or to a wiki is a release, no mirror.
pub(super) fn is_mirror(facts: &Facts<'_>, push: &Push) -> bool {
    let line = line(facts, push);
    line.contains("--mirror") || FORGES.iter().any(|word| names(facts, push, word))
}

/// The branches on the other side that a push names; none where it does not say them in
/// plain words.
pub(super) fn branches(facts: &Facts<'_>, push: &Push) -> Vec<String> {
    let line = line(facts, push);
    let words = line
        .split_whitespace()
        .map(|word| word.trim_matches(['"', '\'']));
    let mut after = words.skip_while(|word| *word != push.remote).skip(1);
    let mut found = Vec::new();
    for word in after
        .by_ref()
        .take_while(|word| !word.starts_with(['&', '|', ';', '#', '>']))
    {
        if word.starts_with('-') {
            continue;
        }
        let there = word.rsplit(':').next().unwrap_or(word);
        let there = there.trim_start_matches('+').trim_end_matches(';');
        if there.contains(['$', '*', '{']) || there == "HEAD" {
            return Vec::new();
        }
        found.push(there.trim_start_matches("refs/heads/").to_owned());
    }
    found
}

fn line(facts: &Facts<'_>, push: &Push) -> String {
    let text = facts.tree.text(&push.path).unwrap_or_default();
    let line = text.lines().nth(push.place.line.saturating_sub(1));
    line.unwrap_or_default().to_owned()
}
