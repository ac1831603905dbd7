//! What is done with one ref: a table, and nothing else. Its rows are in
//! `docs/sync.md`.

use schemars::JsonSchema;
use serde::Serialize;

use super::refs::{Kind, Oid};

/// One of the two repositories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Where changes come from.
    Source,
    /// Where they go to.
    Mirror,
}

/// How the commits of two branches lie to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The source has all that the mirror has, and more.
    MirrorBehind,
    /// The mirror has all that the source has, and more.
    SourceBehind,
    /// Each has what the other has not.
    Diverged,
}

/// Which way changes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ways {
    /// From the source to the mirror.
    One,
    /// Both ways.
    Two,
}

/// Why nothing can be done without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Conflict {
    /// Somebody pushed to the mirror, and the source has not moved away from it.
    MirrorAhead,
    /// Both sides have commits that the other lacks.
    Diverged,
    /// Deleted at the source; the mirror has commits that it never had.
    DeletedAtSource,
    /// Deleted on the mirror; the source has new commits.
    DeletedOnMirror,
    /// Rewritten on the mirror: that never reaches the source.
    MirrorRewritten,
    /// A tag was moved at the source.
    TagMoved,
    /// A tag means two things.
    TagDiffers,
}

/// Why commits of the mirror make room for others, after they were saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The source was rewritten, and the mirror still has what we brought it.
    Rewritten,
    /// The tag is one of those that may move.
    TagMoved,
    /// A conflict, and the source wins by policy.
    SourceWins,
}

/// What is done with a ref.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Decision {
    /// Nothing: both sides are the same.
    Equal,
    /// Nothing: no side has it any more.
    Gone,
    /// It is made.
    Create {
        /// Where.
        side: Side,
        /// It was there, and somebody deleted it there.
        restored: bool,
    },
    /// It moves on.
    FastForward {
        /// Where.
        side: Side,
    },
    /// It is set on the mirror, and what was there is saved.
    Overwrite {
        /// Why.
        cause: Cause,
    },
    /// It is deleted on the mirror, and what was there is saved.
    Delete,
    /// Nothing: only the mirror has it, and it never was ours.
    MirrorOnly,
    /// Nothing: a person has to decide.
    Conflict {
        /// Why.
        conflict: Conflict,
    },
}

/// What is known of a ref.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// What it is.
    pub kind: Kind,
    /// What the source has.
    pub source: Option<&'a Oid>,
    /// What the mirror has.
    pub mirror: Option<&'a Oid>,
    /// What both had at the end of the last sync.
    pub base: Option<&'a Oid>,
    /// Whether the mirror has what we brought it: `base`, or what an interrupted
    /// sync was about to write.
    pub is_ours: bool,
    /// How the two lie to each other; it counts only where both have it, it is a
    /// branch, and they differ.
    pub relation: Relation,
}

/// What people have chosen.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// Which way changes go.
    pub ways: Ways,
    /// Whether the source wins where both have commits of their own.
    pub source_wins: bool,
    /// Whether this tag may move.
    pub may_move: bool,
}

/// What is done with a ref.
pub fn decide(sight: &Sight<'_>, choice: &Choice) -> Decision {
    match (sight.source, sight.mirror) {
        (None, None) => Decision::Gone,
        (Some(source), Some(mirror)) if source == mirror => Decision::Equal,
        _ if sight.kind == Kind::Tag => tag(sight, choice),
        _ => match choice.ways {
            Ways::One => one_way(sight, choice),
            Ways::Two => two_ways(sight, choice),
        },
    }
}

const fn conflict(conflict: Conflict) -> Decision {
    Decision::Conflict { conflict }
}

const fn create(side: Side, restored: bool) -> Decision {
    Decision::Create { side, restored }
}

/// A branch whose changes go to the mirror alone.
fn one_way(sight: &Sight<'_>, choice: &Choice) -> Decision {
    match (sight.source, sight.mirror) {
        (Some(_), None) => create(Side::Mirror, sight.base.is_some()),
        (None, Some(_)) if sight.is_ours => Decision::Delete,
        (None, Some(_)) if sight.base.is_some() => conflict(Conflict::DeletedAtSource),
        (None, _) => Decision::MirrorOnly,
        (Some(_), Some(_)) => match sight.relation {
            Relation::MirrorBehind => Decision::FastForward { side: Side::Mirror },
            _ if sight.is_ours => Decision::Overwrite {
                cause: Cause::Rewritten,
            },
            _ if choice.source_wins => Decision::Overwrite {
                cause: Cause::SourceWins,
            },
            Relation::SourceBehind => conflict(Conflict::MirrorAhead),
            Relation::Diverged => conflict(Conflict::Diverged),
        },
    }
}

/// A branch whose changes go both ways.
fn two_ways(sight: &Sight<'_>, choice: &Choice) -> Decision {
    let source_changed = sight.source != sight.base;
    let mirror_changed = !sight.is_ours && sight.mirror != sight.base;
    match (sight.source, sight.mirror) {
        (Some(_), Some(_)) => match sight.relation {
            // What we brought is still there: only the source can have moved.
            _ if !mirror_changed => one_way(sight, choice),
            Relation::MirrorBehind if source_changed => {
                Decision::FastForward { side: Side::Mirror }
            }
            Relation::SourceBehind => Decision::FastForward { side: Side::Source },
            _ if choice.source_wins => Decision::Overwrite {
                cause: Cause::SourceWins,
            },
            Relation::MirrorBehind | Relation::Diverged if !source_changed => {
                conflict(Conflict::MirrorRewritten)
            }
            _ => conflict(Conflict::Diverged),
        },
        (Some(_), None) if sight.base.is_some() && source_changed => {
            conflict(Conflict::DeletedOnMirror)
        }
        (Some(_), None) => create(Side::Mirror, sight.base.is_some()),
        (None, Some(_)) if !mirror_changed => Decision::Delete,
        (None, Some(_)) if sight.base.is_some() => conflict(Conflict::DeletedAtSource),
        (None, _) => create(Side::Source, false),
    }
}

/// A tag that the two sides do not have alike.
fn tag(sight: &Sight<'_>, choice: &Choice) -> Decision {
    match (sight.source, sight.mirror) {
        (Some(_), Some(_)) if sight.is_ours && choice.may_move => Decision::Overwrite {
            cause: Cause::TagMoved,
        },
        (Some(_), Some(_)) if sight.is_ours => conflict(Conflict::TagMoved),
        (Some(_), Some(_)) => conflict(Conflict::TagDiffers),
        (Some(_), None) => create(Side::Mirror, sight.base.is_some()),
        (None, Some(_)) if sight.is_ours => Decision::Delete,
        (None, Some(_)) if sight.base.is_some() => conflict(Conflict::DeletedAtSource),
        (None, _) if choice.ways == Ways::Two => create(Side::Source, false),
        (None, _) => Decision::MirrorOnly,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oid(digit: char) -> Oid {
        Oid::new(&digit.to_string().repeat(40)).expect("an id")
    }

    /// Every cell of the table: kind, ways, what each side and the base have, the
    /// relation, whether it is ours, and the policy.
    #[test]
    fn no_cell_writes_over_what_was_not_ours() {
        let (a, b, c) = (oid('a'), oid('b'), oid('c'));
        let values = [None, Some(&a), Some(&b), Some(&c)];
        let relations = [
            Relation::MirrorBehind,
            Relation::SourceBehind,
            Relation::Diverged,
        ];
        let mut cells = 0;
        for kind in [Kind::Branch, Kind::Tag] {
            for ways in [Ways::One, Ways::Two] {
                for source in values {
                    for mirror in values {
                        for base in values {
                            for relation in relations {
                                for pending in [false, true] {
                                    for bits in 0..4 {
                                        let is_ours =
                                            mirror.is_some() && (mirror == base || pending);
                                        let sight = Sight {
                                            kind,
                                            source,
                                            mirror,
                                            base,
                                            is_ours,
                                            relation,
                                        };
                                        let choice = Choice {
                                            ways,
                                            source_wins: bits & 1 == 1,
                                            may_move: bits & 2 == 2,
                                        };
                                        check(&sight, &choice);
                                        cells += 1;
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        assert_eq!(cells, 2 * 2 * 4 * 4 * 4 * 3 * 2 * 4);
    }

    fn check(sight: &Sight<'_>, choice: &Choice) {
        let decision = decide(sight, choice);
        let told = format!("{sight:?} {choice:?}: {decision:?}");
        let same = sight.source == sight.mirror;
        match decision {
            Decision::Equal => assert!(same && sight.source.is_some(), "{told}"),
            Decision::Gone => assert!(same && sight.source.is_none(), "{told}"),
            Decision::Create {
                side: Side::Mirror, ..
            } => {
                assert!(sight.mirror.is_none() && sight.source.is_some(), "{told}");
            }
            Decision::Create {
                side: Side::Source,
                restored,
            } => {
                assert!(sight.source.is_none() && sight.mirror.is_some(), "{told}");
                assert!(choice.ways == Ways::Two && !restored, "{told}");
                // It never was there: otherwise somebody deleted it there.
                assert!(sight.base.is_none(), "{told}");
            }
            Decision::FastForward { side } => {
                let behind = match side {
                    Side::Mirror => Relation::MirrorBehind,
                    Side::Source => Relation::SourceBehind,
                };
                assert!(
                    sight.kind == Kind::Branch && sight.relation == behind,
                    "{told}"
                );
                assert!(side == Side::Mirror || choice.ways == Ways::Two, "{told}");
            }
            Decision::Overwrite {
                cause: Cause::Rewritten,
            } => {
                assert!(sight.is_ours && sight.kind == Kind::Branch, "{told}");
            }
            Decision::Overwrite {
                cause: Cause::TagMoved,
            } => {
                assert!(
                    sight.is_ours && sight.kind == Kind::Tag && choice.may_move,
                    "{told}"
                );
            }
            Decision::Overwrite {
                cause: Cause::SourceWins,
            } => {
                assert!(choice.source_wins && sight.kind == Kind::Branch, "{told}");
            }
            Decision::Delete => assert!(sight.source.is_none() && sight.is_ours, "{told}"),
            Decision::MirrorOnly => {
                assert!(choice.ways == Ways::One && sight.base.is_none(), "{told}");
            }
            Decision::Conflict { .. } => assert!(!same, "{told}"),
        }
    }

    #[test]
    fn the_table_row_by_row() {
        let (old, new, other) = (oid('a'), oid('b'), oid('c'));
        let (old, new, other) = (Some(&old), Some(&new), Some(&other));
        let row = |kind, ways, source, mirror, base: Option<_>, relation| {
            let sight = Sight {
                kind,
                source,
                mirror,
                base,
                is_ours: mirror.is_some() && mirror == base,
                relation,
            };
            let choice = Choice {
                ways,
                source_wins: false,
                may_move: false,
            };
            decide(&sight, &choice)
        };
        use Relation::{Diverged, MirrorBehind, SourceBehind};
        let one = |source, mirror, base, relation| {
            row(Kind::Branch, Ways::One, source, mirror, base, relation)
        };
        let two = |source, mirror, base, relation| {
            row(Kind::Branch, Ways::Two, source, mirror, base, relation)
        };
        let forward = |side| Decision::FastForward { side };
        let rewritten = Decision::Overwrite {
            cause: Cause::Rewritten,
        };
        // 3, 4, 5, 6, 7, 8, 9, 10, 11
        assert_eq!(one(new, None, None, Diverged), create(Side::Mirror, false));
        assert_eq!(one(new, None, old, Diverged), create(Side::Mirror, true));
        assert_eq!(one(new, old, None, MirrorBehind), forward(Side::Mirror));
        assert_eq!(one(new, old, old, Diverged), rewritten);
        assert_eq!(one(new, old, old, SourceBehind), rewritten);
        assert_eq!(
            one(old, new, old, SourceBehind),
            conflict(Conflict::MirrorAhead)
        );
        assert_eq!(one(new, other, old, Diverged), conflict(Conflict::Diverged));
        assert_eq!(one(None, old, old, Diverged), Decision::Delete);
        assert_eq!(
            one(None, new, old, Diverged),
            conflict(Conflict::DeletedAtSource)
        );
        assert_eq!(one(None, new, None, Diverged), Decision::MirrorOnly);
        // T1 to T9
        assert_eq!(two(new, old, old, MirrorBehind), forward(Side::Mirror));
        assert_eq!(two(new, old, old, Diverged), rewritten);
        assert_eq!(two(None, old, old, Diverged), Decision::Delete);
        assert_eq!(two(old, new, old, SourceBehind), forward(Side::Source));
        assert_eq!(two(None, new, None, Diverged), create(Side::Source, false));
        assert_eq!(
            two(old, new, old, MirrorBehind),
            conflict(Conflict::MirrorRewritten)
        );
        assert_eq!(
            two(old, new, old, Diverged),
            conflict(Conflict::MirrorRewritten)
        );
        assert_eq!(two(old, None, old, Diverged), create(Side::Mirror, true));
        assert_eq!(two(new, other, old, SourceBehind), forward(Side::Source));
        assert_eq!(two(new, other, None, MirrorBehind), forward(Side::Mirror));
        assert_eq!(two(new, other, old, Diverged), conflict(Conflict::Diverged));
        assert_eq!(
            two(None, new, old, Diverged),
            conflict(Conflict::DeletedAtSource)
        );
        assert_eq!(
            two(new, None, old, Diverged),
            conflict(Conflict::DeletedOnMirror)
        );
        // 12, 13, T11
        for ways in [Ways::One, Ways::Two] {
            let tag =
                |source, mirror, base| row(Kind::Tag, ways, source, mirror, base, MirrorBehind);
            assert_eq!(tag(new, old, old), conflict(Conflict::TagMoved));
            assert_eq!(tag(new, other, old), conflict(Conflict::TagDiffers));
            assert_eq!(tag(new, other, None), conflict(Conflict::TagDiffers));
        }
    }
}
