//! Two pipelines that push to each other.

use crate::audit::pushes::pushes;
use crate::audit::{Category, Confidence, Defect, Facts, Rule};
use crate::findings::Severity;

pub(super) const RULE: Rule = Rule {
    id: "two-way-mirror",
    title: "Two pipelines overwrite each other's commits",
    severity: Severity::High,
    confidence: Confidence::High,
    category: Category::Pipelines,
    what: "A workflow of GitHub pushes to another remote, GitLab's pipeline pushes to another one too, at least one of them by force, and neither asks the other side to run nothing.",
    why: "Each side takes itself for the source: a commit that reaches one of them while the other one pushes is overwritten, and nobody is told.",
    mend: "Choose the side that people push to, and mirror in that direction only; the other side is protected.",
    references: &["https://docs.gitlab.com/user/project/repository/mirror/bidirectional/"],
    check,
};

fn check(facts: &Facts<'_>) -> Vec<Defect> {
    let all = pushes(facts);
    let (here, there): (Vec<_>, Vec<_>) = all
        .iter()
        .filter(|push| !push.is_quiet)
        .partition(|push| push.path != ".gitlab-ci.yml");
    let (Some(one), Some(other)) = (here.first(), there.first()) else {
        return Vec::new();
    };
    if !here.iter().chain(&there).any(|push| push.is_forced) {
        return Vec::new();
    }
    let message = format!(
        "it pushes to `{}`, and the job `{}` of {} pushes back to `{}`",
        one.remote, other.job, other.path, other.remote
    );
    let defect = Defect::new(&one.path, one.place, message);
    vec![defect.with(&other.path, other.place)]
}

#[cfg(test)]
mod tests {
    use super::super::testing::found;
    use super::*;

    #[test]
    fn one_way_and_two() {
        let workflow = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: git push gitlab main --force\n";
        let pipeline = "back:\n  script:\n    - git push github HEAD:main\n";
        let path = ".github/workflows/mirror.yml";
        let both = [(path, workflow), (".gitlab-ci.yml", pipeline)];
        assert_eq!(found(&RULE, &both), [".github/workflows/mirror.yml:6 "]);
        assert!(found(&RULE, &both[..1]).is_empty());
        for near in [
            pipeline.replace("git push github", "git push origin"),
            pipeline.replace("git push", "git push -o ci.skip"),
            pipeline.replace("git push", "echo git push"),
        ] {
            let files = [(path, workflow), (".gitlab-ci.yml", near.as_str())];
            assert!(found(&RULE, &files).is_empty(), "{near}");
        }
        let mild = workflow.replace(" --force", "");
        assert!(found(&RULE, &[(path, &mild), both[1]]).is_empty());
    }
}
