//! Puts the blocks of three texts together: the person's form, both sides' changes.

use super::Conflict;
use super::pair::{self, Family};
use crate::workflows::block::{self, Block, Kind};

/// Joins blocks and collects what stands in the way.
#[derive(Debug)]
pub(super) struct Joiner {
    /// Places that both sides changed. Where there are any, no text is good.
    pub(super) conflicts: Vec<Conflict>,
    /// Where the person's word stands against a change of ours.
    pub(super) notes: Vec<String>,
    /// How far the person's text steps in from level to level.
    unit: usize,
    /// The names of the blocks around the one that is joined.
    path: Vec<String>,
}

/// A joined block.
struct Joined {
    /// Blank lines and comments above it.
    lead: Vec<String>,
    body: Vec<String>,
    /// What reading it again must give.
    shape: String,
}

/// Which text gives the order of a block's children.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Theirs,
    Ours,
}

impl Family {
    fn on(&self, side: Side) -> Option<usize> {
        match side {
            Side::Theirs => self.theirs,
            Side::Ours => self.ours,
        }
    }
}

impl Joiner {
    /// For a text of a person.
    pub(super) fn new(theirs: &Block<'_>) -> Self {
        Self {
            conflicts: Vec::new(),
            notes: Vec::new(),
            unit: unit_of(theirs).unwrap_or(2),
            path: Vec::new(),
        }
    }

    /// The joined text, and its shape. Good where there are no conflicts.
    pub(super) fn document(
        &mut self,
        base: &Block<'_>,
        theirs: &Block<'_>,
        ours: &Block<'_>,
    ) -> (String, String) {
        let Some(joined) = self.container(Some(base), theirs, ours) else {
            self.conflict(
                Some(base),
                Some(theirs),
                Some(ours),
                "nothing is left of the file",
            );
            return (String::new(), String::new());
        };
        let mut text = [joined.lead, joined.body].concat().join("\n");
        text.push('\n');
        (text, joined.shape)
    }

    /// A block that both sides have. `None` where nothing is left of it.
    fn block(
        &mut self,
        base: Option<&Block<'_>>,
        theirs: &Block<'_>,
        ours: &Block<'_>,
    ) -> Option<Joined> {
        let (their_body, our_body) = (theirs.body_canon(), ours.body_canon());
        let base_body = base.map(Block::body_canon);
        let mut joined = if their_body == our_body || base_body.as_ref() == Some(&our_body) {
            kept(theirs)
        } else if base_body.as_ref() == Some(&their_body) {
            self.adopted(ours, theirs.indent)
        } else if theirs.kind == ours.kind && theirs.kind != Kind::Leaf {
            let base = base.filter(|base| base.kind == theirs.kind);
            self.container(base, theirs, ours)?
        } else if is_emptied(base, theirs, ours) {
            let emptied = Block {
                kind: ours.kind,
                ..theirs.clone()
            };
            // Where the new version has nothing to put in, it stays as it is.
            self.container(base, &emptied, ours).unwrap_or_else(|| {
                // Behind its key there may be a new remark.
                let is_old =
                    base.is_some_and(|base| base.head.trim_end() == theirs.head.trim_end());
                let head = if is_old { ours.head } else { theirs.head };
                kept(&Block {
                    head,
                    ..theirs.clone()
                })
            })
        } else if theirs.kind == Kind::Leaf && ours.kind == Kind::Leaf {
            self.leaf(base, theirs, ours)
        } else {
            self.conflict(base, Some(theirs), Some(ours), "both sides rewrote it");
            kept(theirs)
        };
        let lead = comments(
            base.map(|base| &base.lead[..]),
            &theirs.lead,
            ours.lead_lines(theirs.indent),
        );
        // An item's first entry may have brought comments up.
        joined.lead = [lead, joined.lead].concat();
        Some(joined)
    }

    /// A value that both sides changed, or the lines of a script.
    fn leaf(&mut self, base: Option<&Block<'_>>, theirs: &Block<'_>, ours: &Block<'_>) -> Joined {
        let same_action = |block: &Block<'_>| {
            let action = block.scalar.as_deref()?.split('@').next()?.to_owned();
            (block.key == "uses").then_some(action)
        };
        let is_script = |block: &Block<'_>| {
            let value = block.head.rsplit([' ', ':']).next().unwrap_or_default();
            matches!(value, "|" | "|-" | "|+" | ">" | ">-" | ">+")
        };
        let shape = |block: &Block<'_>| block.shape();
        if base.map(shape) == Some(theirs.shape()) || theirs.shape() == ours.shape() {
            // The person wrote comments below it alone.
            let mut joined = self.adopted_value(ours, theirs.indent);
            joined
                .body
                .extend(theirs.tail.iter().map(|line| (*line).to_owned()));
            return joined;
        }
        if base.map(shape) == Some(ours.shape()) {
            return kept(theirs);
        }
        if let Some(base) = base
            && same_action(theirs).is_some()
            && same_action(theirs) == same_action(ours)
            && same_action(theirs) == same_action(base)
        {
            self.notes.push(format!(
                "line {}: your `{}` stands; the new version has `{}`",
                theirs.line,
                theirs.scalar.as_deref().unwrap_or_default(),
                ours.scalar.as_deref().unwrap_or_default(),
            ));
            return kept(theirs);
        }
        if let Some(base) = base
            && [base, theirs, ours].iter().all(|block| is_script(block))
            && base.head == ours.head
        {
            let lines = |block: &Block<'_>| {
                let mut text = block::dedented(&block.rest).join("\n");
                text.push('\n');
                text
            };
            if let Ok(text) = diffy::merge(&lines(base), &lines(theirs), &lines(ours)) {
                let indent = " ".repeat(block::shared_indent(&theirs.rest));
                let mut body = vec![format!("{}{}", " ".repeat(theirs.indent), theirs.head)];
                body.extend(text.lines().map(|line| {
                    if line.is_empty() {
                        String::new()
                    } else {
                        format!("{indent}{line}")
                    }
                }));
                let rest: Vec<&str> = body[1..].iter().map(String::as_str).collect();
                let shape = block::shape_of(
                    Kind::Leaf,
                    theirs.head,
                    &block::dedented(&rest).join("\n"),
                    &[],
                );
                body.extend(theirs.tail.iter().map(|line| (*line).to_owned()));
                return Joined {
                    lead: Vec::new(),
                    body,
                    shape,
                };
            }
        }
        self.conflict(base, Some(theirs), Some(ours), "both sides changed it");
        kept(theirs)
    }

    /// A block of ours at a place of the person's text.
    fn adopted(&self, ours: &Block<'_>, indent: usize) -> Joined {
        Joined {
            lead: Vec::new(),
            body: ours.body_lines(indent, Some(self.unit)),
            shape: ours.shape(),
        }
    }

    /// The same without the comments below it.
    fn adopted_value(&self, ours: &Block<'_>, indent: usize) -> Joined {
        let mut joined = self.adopted(ours, indent);
        let value = joined.body.len() - ours.tail.len();
        joined.body.truncate(value);
        joined
    }

    /// A mapping, a list or an item that both sides changed.
    fn container(
        &mut self,
        base: Option<&Block<'_>>,
        theirs: &Block<'_>,
        ours: &Block<'_>,
    ) -> Option<Joined> {
        let head = match base {
            _ if theirs.head.trim_end() == ours.head.trim_end() => theirs.head,
            Some(base) if base.head == ours.head => theirs.head,
            Some(base) if base.head == theirs.head => ours.head,
            _ => {
                self.conflict(
                    base,
                    Some(theirs),
                    Some(ours),
                    "both sides changed its first line",
                );
                theirs.head
            }
        };
        let base_children = base.map_or(&[][..], |base| &base.children);
        let families = pair::families(base_children, &theirs.children, &ours.children);
        let Some(order) = order(&families, theirs.kind == Kind::Sequence) else {
            self.conflict(
                base,
                Some(theirs),
                Some(ours),
                "both sides put its parts into another order",
            );
            return Some(kept(theirs));
        };
        let column = theirs
            .children
            .first()
            .map_or(theirs.indent + self.unit, |child| child.indent);
        let mut children: Vec<Joined> = Vec::with_capacity(order.len());
        for at in order {
            let family = families[at];
            let is_first = children.is_empty();
            let found = (
                family.base.map(|at| &base_children[at]),
                family.theirs.map(|at| &theirs.children[at]),
                family.ours.map(|at| &ours.children[at]),
            );
            let Some(mut joined) = self.child(found, column) else {
                continue;
            };
            let was_first = family.theirs == Some(0) || family.ours == Some(0);
            if is_first && !was_first {
                let blank = joined
                    .lead
                    .iter()
                    .take_while(|line| line.trim().is_empty())
                    .count();
                joined.lead.drain(..blank);
            } else if !is_first && family.ours == Some(0) && family.theirs.is_none() {
                joined.lead.extend(ours.is_spaced().then(String::new));
            }
            children.push(joined);
        }
        let tail = comments(
            base.map(|base| &base.tail[..]),
            &theirs.tail,
            ours.tail_lines(theirs.indent),
        );
        if children.is_empty() {
            return None;
        }
        let shapes: Vec<String> = children.iter().map(|child| child.shape.clone()).collect();
        let mut joined = Joined {
            lead: Vec::new(),
            body: Vec::new(),
            shape: block::shape_of(theirs.kind, head, "", &shapes),
        };
        if theirs.kind == Kind::Item {
            // The dash stands before the first entry, so comments go above it.
            joined.lead = std::mem::take(&mut children[0].lead)
                .iter()
                .map(|line| format!("{}{}", " ".repeat(theirs.indent), line.trim_start()))
                .collect();
            block::put_dash(&mut children[0].body, theirs.indent, theirs.dash);
        } else if !head.is_empty() {
            joined
                .body
                .push(format!("{}{head}", " ".repeat(theirs.indent)));
        }
        for child in children {
            joined.body.extend(child.lead);
            joined.body.extend(child.body);
        }
        joined.body.extend(tail);
        Some(joined)
    }

    /// A child by what each text has of it: base, theirs, ours.
    fn child(
        &mut self,
        found: (Option<&Block<'_>>, Option<&Block<'_>>, Option<&Block<'_>>),
        column: usize,
    ) -> Option<Joined> {
        let some = found.1.or(found.2).or(found.0)?;
        self.path.push(if some.is_item() {
            format!("[{}]", some.key)
        } else {
            some.key.clone()
        });
        let joined = match found {
            (base, Some(theirs), Some(ours)) => self.block(base, theirs, ours),
            (Some(base), Some(theirs), None) => {
                if is_edited(base, theirs) {
                    self.conflict(
                        Some(base),
                        Some(theirs),
                        None,
                        "you changed it, and the new version drops it",
                    );
                }
                None
            }
            (Some(base), None, Some(ours)) => {
                if base.body_canon() != ours.body_canon() {
                    self.notes.push(format!(
                        "you removed {}; the new version changes it, and it stays away",
                        self.place()
                    ));
                }
                None
            }
            (None, Some(theirs), None) => {
                let mut joined = kept(theirs);
                joined.lead = theirs.lead_lines(theirs.indent);
                Some(joined)
            }
            (None, None, Some(ours)) => {
                let mut joined = self.adopted(ours, column);
                joined.lead = ours.lead_lines(column);
                Some(joined)
            }
            (_, None, None) => None,
        };
        self.path.pop();
        joined
    }

    fn conflict(
        &mut self,
        base: Option<&Block<'_>>,
        theirs: Option<&Block<'_>>,
        ours: Option<&Block<'_>>,
        why: &str,
    ) {
        let text = |block: Option<&Block<'_>>| {
            block.map_or_else(String::new, |block| block.lines(0, None).join("\n"))
        };
        self.conflicts.push(Conflict {
            block: self.place(),
            line: theirs.map_or(1, |theirs| theirs.line),
            base: text(base),
            theirs: text(theirs),
            ours: text(ours),
            why: why.to_owned(),
        });
    }

    /// The block that is being joined, for people.
    fn place(&self) -> String {
        self.path.join(".").replace(".[", "[")
    }
}

/// Whether a person took everything out from below a key.
fn is_emptied(base: Option<&Block<'_>>, theirs: &Block<'_>, ours: &Block<'_>) -> bool {
    let is_open = theirs.head.trim_end().ends_with(':') && theirs.rest.is_empty();
    theirs.kind == Kind::Leaf
        && is_open
        && matches!(ours.kind, Kind::Map | Kind::Sequence)
        && base.is_some_and(|base| base.kind == ours.kind)
}

/// A person's block as it stands.
fn kept(theirs: &Block<'_>) -> Joined {
    Joined {
        lead: Vec::new(),
        body: theirs.body_lines(theirs.indent, None),
        shape: theirs.shape(),
    }
}

/// Whether more than blank lines around a block changed.
fn is_edited(base: &Block<'_>, theirs: &Block<'_>) -> bool {
    let comments = |block: &Block<'_>| -> Vec<String> {
        block
            .lead
            .iter()
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect()
    };
    base.body_canon() != theirs.body_canon() || comments(base) != comments(theirs)
}

/// Comments and blank lines of three texts, ours already at their place. A
/// person's stand where both changed the same.
fn comments(base: Option<&[&str]>, theirs: &[&str], ours: Vec<String>) -> Vec<String> {
    let base = base.map(|lines| block::canon_of_comments(lines.iter().copied()));
    let their_text = block::canon_of_comments(theirs.iter().copied());
    let our_text = block::canon_of_comments(ours.iter().map(String::as_str));
    let kept = || theirs.iter().map(|line| (*line).to_owned()).collect();
    if base.as_ref() == Some(&our_text) || their_text == our_text {
        return kept();
    }
    if base.as_ref() == Some(&their_text) {
        return ours;
    }
    let Ok(text) = diffy::merge(&base.unwrap_or_default(), &their_text, &our_text) else {
        return kept();
    };
    // Each line as the side wrote it that it is from.
    let written = || {
        theirs
            .iter()
            .copied()
            .chain(ours.iter().map(String::as_str))
    };
    text.lines()
        .map(|line| {
            let found = written().find(|written| written.trim() == line);
            found.unwrap_or(line).to_owned()
        })
        .collect()
}

/// The places of families in the order of the joined text. `None` where both
/// sides changed it and it matters.
fn order(families: &[Family], matters: bool) -> Option<Vec<usize>> {
    let in_both: Vec<&Family> = families
        .iter()
        .filter(|family| family.theirs.is_some() && family.ours.is_some())
        .collect();
    let moved = |side: Side| {
        let places = in_both
            .iter()
            .filter(|family| family.base.is_some())
            .filter_map(|family| family.on(side));
        !places.is_sorted()
    };
    let (first, second) = match (moved(Side::Theirs), moved(Side::Ours)) {
        (false, true) => (Side::Ours, Side::Theirs),
        (true, true) if matters => {
            let mut by_theirs = in_both.clone();
            by_theirs.sort_by_key(|family| family.theirs);
            if !by_theirs.iter().map(|family| family.ours).is_sorted() {
                return None;
            }
            (Side::Theirs, Side::Ours)
        }
        _ => (Side::Theirs, Side::Ours),
    };
    let sorted = |side: Side| {
        let mut places: Vec<usize> = (0..families.len())
            .filter(|at| families[*at].on(side).is_some())
            .collect();
        places.sort_by_key(|at| families[*at].on(side));
        places
    };
    let mut order = sorted(first);
    let others = sorted(second);
    for (at, family) in others.iter().enumerate() {
        if order.contains(family) {
            continue;
        }
        let before = others[..at].iter().rev();
        let place = before
            .filter_map(|other| order.iter().position(|known| known == other))
            .next()
            .map(|place| place + 1)
            .or_else(|| {
                others[at + 1..]
                    .iter()
                    .find_map(|other| order.iter().position(|known| known == other))
            })
            .unwrap_or(order.len());
        order.insert(place, *family);
    }
    Some(order)
}

/// How far the first nested mapping steps in.
fn unit_of(block: &Block<'_>) -> Option<usize> {
    block.children.iter().find_map(|child| {
        let nested = child.children.first().filter(|_| child.kind == Kind::Map);
        nested
            .map(|nested| nested.indent - child.indent)
            .or_else(|| unit_of(child))
    })
}
