//! From the tree of a script to its commands.

use tree_sitter::{Node, Tree};

use super::{Assignment, Command, Exit, Shell, Start, Word};
use crate::audit::Place;

/// No script that a person wrote nests as deep.
const MAX_DEPTH: usize = 150;

/// In a longer line, bytes from its start on have no column.
const MAX_COLUMN: usize = 4_096;

/// What is around a statement.
#[derive(Clone)]
struct Around {
    /// What becomes of its exit code, where something around decides.
    exit: Exit,
    loops: usize,
    depth: usize,
    is_conditional: bool,
    is_substituted: bool,
    inside: Option<usize>,
    function: Option<String>,
    is_fed: bool,
}

impl Around {
    fn deeper(&self) -> Self {
        Self {
            depth: self.depth + 1,
            ..self.clone()
        }
    }

    fn with(&self, exit: Exit) -> Self {
        Self {
            exit,
            ..self.deeper()
        }
    }

    fn conditional(&self) -> Self {
        Self {
            is_conditional: true,
            ..self.deeper()
        }
    }
}

struct Walker<'t> {
    text: &'t str,
    start: Start,
    errexit: bool,
    pipefail: bool,
    shell: Shell,
}

/// The commands of a script.
pub(super) fn commands(text: &str, tree: &Tree, start: Start) -> Shell {
    let first = text.lines().next().unwrap_or_default();
    let flags = first.strip_prefix("#!").unwrap_or_default();
    let mut walker = Walker {
        text,
        start,
        errexit: start.stops || flags.split_whitespace().skip(1).any(stops),
        pipefail: start.pipefail,
        shell: Shell {
            is_whole: !tree.root_node().has_error(),
            ..Shell::default()
        },
    };
    let around = Around {
        exit: Exit::Last,
        loops: 0,
        depth: 0,
        is_conditional: false,
        is_substituted: false,
        inside: None,
        function: None,
        is_fed: false,
    };
    let all = children(tree.root_node());
    walker.statements(&all, &around);
    walker.shell
}

fn children(node: Node<'_>) -> Vec<Node<'_>> {
    node.children(&mut node.walk()).collect()
}

/// Whether a flag of `set`, or of the shell, is `-e` among others.
fn stops(flag: &str) -> bool {
    flag.strip_prefix('-')
        .is_some_and(|flags| !flags.starts_with('-') && flags.contains('e'))
}

impl<'t> Walker<'t> {
    fn written(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    fn place(&self, node: Node<'_>) -> Place {
        let at = node.start_position();
        match self.start.offset {
            // The columns of a text inside of another file are not known.
            Some(offset) => Place::from(offset + at.row + 1),
            None => {
                let start = node.start_byte() - at.column;
                let before = self.text.get(start..node.start_byte());
                // Nobody counts the columns of a line of a megabyte, and each of its words.
                let before = before.filter(|before| before.len() < MAX_COLUMN);
                Place {
                    line: at.row + 1,
                    column: before.map(|before| before.chars().count() + 1),
                }
            }
        }
    }

    /// Statements one after the other. The last one's exit code is theirs.
    fn statements(&mut self, nodes: &[Node<'_>], around: &Around) {
        let is_statement = |node: &&Node<'_>| {
            node.is_named() && !matches!(node.kind(), "comment" | "heredoc_body" | "heredoc_end")
        };
        let all: Vec<Node<'_>> = nodes.iter().filter(is_statement).copied().collect();
        for (at, node) in all.iter().enumerate() {
            let is_last = at + 1 == all.len();
            let follows = node.next_sibling().map_or("", |next| next.kind());
            let asks = || {
                let next = all.get(at + 1).map_or("", |next| self.written(*next));
                let line = next.lines().next().unwrap_or_default();
                line.contains("$?") || line.contains("PIPESTATUS")
            };
            let exit = if follows == "&" {
                Exit::Ignored
            } else if is_last && around.exit != Exit::Last {
                around.exit
            } else if self.errexit && around.exit != Exit::Asked && around.exit != Exit::Ignored {
                Exit::Stops
            } else if asks() {
                Exit::Asked
            } else if is_last {
                around.exit
            } else {
                Exit::Lost
            };
            self.statement(*node, &around.with(exit));
        }
    }

    fn statement(&mut self, node: Node<'_>, around: &Around) {
        if around.depth > MAX_DEPTH {
            self.shell.is_whole = false;
            return;
        }
        match node.kind() {
            "command" => self.command(node, around),
            "list" => self.list(node, around),
            "pipeline" => self.pipeline(node, around),
            "negated_command" => self.each(node, &around.with(Exit::Asked)),
            "redirected_statement" => self.redirected(node, around),
            "if_statement" | "elif_clause" => self.branch(node, around),
            "while_statement" => self.repeat(node, around),
            "for_statement" | "c_style_for_statement" => {
                let inner = Around {
                    loops: around.loops + 1,
                    ..around.deeper()
                };
                self.loop_body(node, &inner, around);
            }
            "case_statement" => {
                for item in children(node) {
                    match item.kind() {
                        "case_item" => {
                            let inner = children(item);
                            let from = inner.iter().position(|one| one.kind() == ")");
                            let from = from.map_or(0, |at| at + 1);
                            self.statements(&inner[from..], &around.conditional());
                        }
                        _ => self.substitutions(item, &around.with(Exit::Ignored)),
                    }
                }
            }
            "function_definition" => {
                let name = node.child_by_field_name("name");
                let inner = Around {
                    exit: Exit::Last,
                    function: name.map(|name| self.written(name).to_owned()),
                    ..around.deeper()
                };
                if let Some(body) = node.child_by_field_name("body") {
                    self.statement(body, &inner);
                }
            }
            "subshell" => {
                // What is set in there ends there.
                let before = (self.errexit, self.pipefail);
                self.statements(&children(node), around);
                (self.errexit, self.pipefail) = before;
            }
            "compound_statement" | "do_group" | "else_clause" | "program" | "ERROR" => {
                self.statements(&children(node), around);
            }
            "variable_assignment" => self.assignment(node, around),
            "variable_assignments" => {
                for one in children(node) {
                    self.assignment(one, around);
                }
            }
            "declaration_command" => {
                // The exit code is that of `export`, whatever the substitution says.
                for one in children(node) {
                    if one.kind() == "variable_assignment" {
                        self.assignment(one, &around.with(Exit::Ignored));
                    }
                }
            }
            _ => self.substitutions(node, &around.with(Exit::Ignored)),
        }
    }

    fn each(&mut self, node: Node<'_>, around: &Around) {
        for child in children(node).into_iter().filter(Node::is_named) {
            self.statement(child, around);
        }
    }

    /// `a && b`, `a || b`: a chain leans to the left, and is as long as somebody likes.
    fn list(&mut self, node: Node<'_>, around: &Around) {
        let mut chain: Vec<(Option<&str>, Node<'_>)> = Vec::new();
        let mut rest = node;
        loop {
            let parts: Vec<Node<'_>> = children(rest);
            let named: Vec<Node<'_>> = parts
                .iter()
                .filter(|part| part.is_named() && part.kind() != "comment")
                .copied()
                .collect();
            let sign = parts
                .iter()
                .map(Node::kind)
                .find(|kind| matches!(*kind, "&&" | "||"));
            match (named.as_slice(), sign) {
                ([left, right], Some(sign)) => {
                    chain.push((Some(sign), *right));
                    rest = *left;
                    if left.kind() != "list" {
                        chain.push((None, *left));
                        break;
                    }
                }
                _ => {
                    for part in named {
                        chain.push((None, part));
                    }
                    break;
                }
            }
        }
        chain.reverse();
        for (at, (sign, part)) in chain.iter().enumerate() {
            let next = chain.get(at + 1);
            let exit = match next {
                None => around.exit,
                Some((Some("||"), right)) if self.says_nothing(*right) => Exit::Ignored,
                Some(_) => Exit::Asked,
            };
            let mut inner = around.with(exit);
            inner.is_conditional |= sign.is_some();
            self.statement(*part, &inner);
        }
    }

    /// Whether what follows `||` throws the exit code away.
    fn says_nothing(&self, node: Node<'_>) -> bool {
        let text = self.written(node);
        let name = text.split_whitespace().next().unwrap_or_default();
        node.kind() == "command" && matches!(name, "true" | ":" | "echo" | "printf")
    }

    fn pipeline(&mut self, node: Node<'_>, around: &Around) {
        let parts: Vec<Node<'_>> = children(node).into_iter().filter(Node::is_named).collect();
        let mut before: Option<usize> = None;
        for (at, part) in parts.iter().enumerate() {
            let exit = if at + 1 == parts.len() || self.pipefail {
                around.exit
            } else {
                Exit::Ignored
            };
            let first = self.shell.commands.len();
            let inner = Around {
                is_fed: around.is_fed && at == 0,
                ..around.with(exit)
            };
            self.statement(*part, &inner);
            if let Some(command) = self.shell.commands.get_mut(first) {
                command.reads = before.or(command.reads);
                before = Some(first);
            }
        }
    }

    fn redirected(&mut self, node: Node<'_>, around: &Around) {
        let parts = children(node);
        let feeds = |part: &Node<'_>| match part.kind() {
            "file_redirect" => self.written(*part).contains('<'),
            "heredoc_redirect" | "herestring_redirect" => true,
            _ => false,
        };
        let inner = Around {
            is_fed: around.is_fed || parts.iter().any(feeds),
            ..around.deeper()
        };
        for part in parts {
            match part.kind() {
                "heredoc_redirect" => {
                    for one in children(part) {
                        match one.kind() {
                            "heredoc_body" | "file_redirect" => {
                                self.substitutions(one, &around.with(Exit::Ignored));
                            }
                            _ if one.is_named() => self.statement(one, &around.deeper()),
                            _ => {}
                        }
                    }
                }
                "file_redirect" | "herestring_redirect" => {
                    self.substitutions(part, &around.with(Exit::Ignored));
                }
                _ if part.is_named() => self.statement(part, &inner),
                _ => {}
            }
        }
    }

    /// `if` and `elif`: what stands before `then` is asked.
    fn branch(&mut self, node: Node<'_>, around: &Around) {
        let parts = children(node);
        let then = parts.iter().position(|part| part.kind() == "then");
        let then = then.unwrap_or(0);
        self.statements(&parts[..then], &around.with(Exit::Asked));
        let inner = around.conditional();
        let body = parts[then..]
            .iter()
            .take_while(|part| !matches!(part.kind(), "elif_clause" | "else_clause"));
        let body: Vec<Node<'_>> = body.copied().collect();
        self.statements(&body, &inner);
        for part in &parts[then + body.len()..] {
            if part.is_named() {
                self.statement(*part, &inner);
            }
        }
    }

    fn repeat(&mut self, node: Node<'_>, around: &Around) {
        let parts = children(node);
        let body = parts.iter().position(|part| part.kind() == "do_group");
        let body = body.unwrap_or(parts.len());
        let inner = Around {
            loops: around.loops + 1,
            ..around.deeper()
        };
        self.statements(&parts[..body], &inner.with(Exit::Asked));
        for part in &parts[body..] {
            self.statement(*part, &inner);
        }
    }

    fn loop_body(&mut self, node: Node<'_>, inner: &Around, around: &Around) {
        for part in children(node) {
            match part.kind() {
                "do_group" | "compound_statement" => self.statement(part, inner),
                _ => self.substitutions(part, &around.with(Exit::Ignored)),
            }
        }
    }

    fn assignment(&mut self, node: Node<'_>, around: &Around) {
        let name = node.child_by_field_name("name");
        let value = node.child_by_field_name("value");
        if let Some(name) = name {
            let value = match value {
                Some(value) => self.word(value),
                None => Word {
                    text: String::new(),
                    is_literal: true,
                    place: self.place(node),
                    span: node.end_byte()..node.end_byte(),
                },
            };
            let name = self.written(name).to_owned();
            self.shell.assignments.push(Assignment { name, value });
        }
        self.substitutions(node, around);
    }

    fn command(&mut self, node: Node<'_>, around: &Around) {
        let mut words = Vec::new();
        let mut is_fed = around.is_fed;
        let parts = children(node);
        for part in &parts {
            match part.kind() {
                "variable_assignment" | "comment" => {}
                "file_redirect" => is_fed |= self.written(*part).starts_with('<'),
                "heredoc_redirect" | "herestring_redirect" => is_fed = true,
                _ if part.is_named() => words.push(self.word(*part)),
                _ => {}
            }
        }
        let first = parts.iter().find(|part| part.kind() == "command_name");
        let place = self.place(*first.unwrap_or(&node));
        let own = self.shell.commands.len();
        self.setting(&words);
        self.shell.commands.push(Command {
            place,
            span: node.byte_range(),
            words,
            exit: around.exit,
            loops: around.loops,
            is_conditional: around.is_conditional,
            is_substituted: around.is_substituted,
            reads: None,
            inside: around.inside,
            function: around.function.clone(),
            is_fed,
        });
        let inner = Around {
            inside: Some(own),
            ..around.with(Exit::Ignored)
        };
        for part in parts {
            self.substitutions(part, &inner);
        }
    }

    /// What `set` and `trap` change for all that follows.
    fn setting(&mut self, words: &[Word]) {
        let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        match texts.as_slice() {
            ["set", flags @ ..] => {
                for (at, flag) in flags.iter().enumerate() {
                    let named = flags.get(at + 1).copied().unwrap_or_default();
                    let takes_name = flag.ends_with('o');
                    match flag.chars().next() {
                        Some('-') => {
                            self.errexit |= stops(flag) || takes_name && named == "errexit";
                            self.pipefail |= takes_name && named == "pipefail";
                        }
                        Some('+') => {
                            self.errexit &=
                                !(flag.contains('e') || takes_name && named == "errexit");
                            self.pipefail &= !(takes_name && named == "pipefail");
                        }
                        _ => {}
                    }
                }
            }
            ["trap", .., signal] if *signal == "ERR" => self.errexit = true,
            _ => {}
        }
    }

    /// Runs through what is substituted somewhere in a node.
    fn substitutions(&mut self, node: Node<'_>, around: &Around) {
        if around.depth > MAX_DEPTH {
            self.shell.is_whole = false;
            return;
        }
        if matches!(node.kind(), "command_substitution" | "process_substitution") {
            let inner = Around {
                is_substituted: true,
                ..around.deeper()
            };
            let before = (self.errexit, self.pipefail);
            self.statements(&children(node), &inner);
            (self.errexit, self.pipefail) = before;
            return;
        }
        for child in children(node) {
            if child.child_count() > 0 {
                self.substitutions(child, &around.deeper());
            }
        }
    }

    fn word(&self, node: Node<'_>) -> Word {
        let mut word = Word {
            text: String::new(),
            is_literal: true,
            place: self.place(node),
            span: node.byte_range(),
        };
        self.spell(node, &mut word);
        word
    }

    fn spell(&self, node: Node<'_>, word: &mut Word) {
        let text = self.written(node);
        match node.kind() {
            "concatenation" | "command_name" => {
                for child in children(node) {
                    self.spell(child, word);
                }
            }
            "string" => {
                let inner = text.strip_prefix('"').unwrap_or(text);
                word.text.push_str(inner.strip_suffix('"').unwrap_or(inner));
                let parts = children(node);
                word.is_literal &= parts
                    .iter()
                    .all(|part| !part.is_named() || part.kind() == "string_content")
                    && !text.contains("${{");
            }
            "raw_string" => {
                let inner = text.strip_prefix('\'').unwrap_or(text);
                word.text
                    .push_str(inner.strip_suffix('\'').unwrap_or(inner));
                word.is_literal &= !text.contains("${{");
            }
            "word" | "number" | "test_operator" | "regex" | "extglob_pattern"
            | "special_character" => {
                let mut escaped = false;
                for c in text.chars() {
                    if c == '\\' && !escaped {
                        escaped = true;
                    } else {
                        word.text.push(c);
                        escaped = false;
                    }
                }
                word.is_literal &= !text.contains("${{");
            }
            _ => {
                word.text.push_str(text);
                word.is_literal &= node.child_count() == 0 && !text.contains("${{");
            }
        }
    }
}
