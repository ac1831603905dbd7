//! What a conflict or a ref that is held back means, and what a person can do about it.

use super::Told;
use crate::mirror::plan::Hold;
use crate::mirror::refs::Oid;
use crate::mirror::{Conflict, Decision, Planned};
use crate::sys::ui::escape_line;

/// What a conflict is, in a sentence.
pub(super) const fn meaning(conflict: Conflict) -> &'static str {
    match conflict {
        Conflict::MirrorAhead => "the mirror has commits that the source lacks",
        Conflict::Diverged => "both sides have commits that the other lacks",
        Conflict::DeletedAtSource => {
            "deleted at the source, and the mirror has commits that it never had"
        }
        Conflict::DeletedOnMirror => "deleted on the mirror, and the source has new commits",
        Conflict::MirrorRewritten => "rewritten on the mirror; that never goes to the source",
        Conflict::TagMoved => "the tag was moved at the source, and it is none of those that may",
        Conflict::TagDiffers => "the tag means two things",
    }
}

/// What a person can do: for what, and by which commands.
pub(super) fn ways_out(
    told: &Told<'_>,
    planned: &Planned,
    conflict: Conflict,
) -> Vec<(&'static str, Vec<String>)> {
    let name = quoted(&planned.name);
    let on_mirror = told.names.on_mirror(&planned.name);
    let there = quoted(&on_mirror);
    let short = planned.name.strip_prefix("refs/").unwrap_or(&planned.name);
    let (source, mirror) = (quoted(told.source), quoted(told.mirror));
    let to_source = vec![
        format!("git fetch {mirror} {there}"),
        format!(
            "git push {source} {}",
            quoted(&format!("FETCH_HEAD:{}", planned.name))
        ),
    ];
    let adopt = vec![format!("ci-tool sync --adopt {}", quoted(short))];
    let give_up = (
        "to give up the mirror's commits; a backup ref keeps them",
        adopt,
    );
    match conflict {
        Conflict::MirrorAhead => vec![("to bring them to the source", to_source), give_up],
        Conflict::Diverged => {
            let merge = vec![
                format!("git fetch {source} {name} && git switch --detach FETCH_HEAD"),
                format!("git fetch {mirror} {there} && git merge FETCH_HEAD"),
                format!(
                    "git push {source} {}",
                    quoted(&format!("HEAD:{}", planned.name))
                ),
            ];
            vec![("to merge both at the source", merge), give_up]
        }
        Conflict::DeletedAtSource => vec![("to bring it back to the source", to_source), give_up],
        Conflict::DeletedOnMirror => {
            let back = vec![
                format!("git fetch {source} {name}"),
                format!(
                    "git push {mirror} {}",
                    quoted(&format!("FETCH_HEAD:{on_mirror}"))
                ),
            ];
            vec![("to bring it back to the mirror", back)]
        }
        Conflict::MirrorRewritten => {
            let lease = planned.source.as_ref().map_or("", Oid::as_str);
            let lease = quoted(&format!("--force-with-lease={}:{lease}", planned.name));
            let rewrite = vec![
                format!("git fetch {mirror} {there}"),
                format!(
                    "git push {lease} {source} {}",
                    quoted(&format!("FETCH_HEAD:{}", planned.name))
                ),
            ];
            vec![("to rewrite the source too", rewrite), give_up]
        }
        Conflict::TagMoved | Conflict::TagDiffers => {
            let lease = planned.mirror.as_ref().map_or("", Oid::as_str);
            let lease = quoted(&format!("--force-with-lease={on_mirror}:{lease}"));
            let take = vec![
                format!("git fetch --no-tags {source} {name}"),
                format!(
                    "git push {lease} {mirror} {}",
                    quoted(&format!("FETCH_HEAD:{on_mirror}"))
                ),
            ];
            vec![(
                "to take the source's, once; `sync.moving-tags` lists tags that move often",
                take,
            )]
        }
    }
}

/// Why a person has to look at it.
pub(super) fn why(planned: &Planned) -> String {
    match (&planned.hold, planned.decision) {
        (Some(hold), _) => reason(hold),
        (None, Decision::Conflict { conflict }) => meaning(conflict).to_owned(),
        _ => String::new(),
    }
}

pub(super) fn reason(hold: &Hold) -> String {
    match hold {
        Hold::PruneLimit { deletions } => format!(
            "deleted at the source, but {deletions} deletions at once may be a mistake; if not: --prune-limit {deletions} --prune-percent 100"
        ),
        Hold::PruneNever => "deleted at the source, and nothing is deleted on the mirror".to_owned(),
        Hold::DefaultBranch => {
            "deleted at the source, but it is the mirror's default branch: choose another one there first, or let `sync.default-branch: follow` do it".to_owned()
        }
        Hold::SourceIncomplete => {
            "deleted at the source, but the source lacks even the mirror's default branch: it may not be whole".to_owned()
        }
        Hold::RewritesNever => {
            "rewritten at the source, and the mirror does not follow".to_owned()
        }
        Hold::NameClash { with } => {
            format!("{with} is in the way: git cannot have both names")
        }
        Hold::Refused { reason } => format!("the server refuses it: {reason}"),
    }
}

/// A word of a POSIX shell.
fn quoted(text: &str) -> String {
    let is_plain = !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/:._-=@+,%".contains(c));
    match is_plain {
        true => text.to_owned(),
        false => format!("'{}'", escape_line(text).replace('\'', "'\\''")),
    }
}
