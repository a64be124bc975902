//! The pre-scan's second half: which token may stand where, and how deep things are.
//!
//! Comes in: a text without invisible characters. Goes out: what the parser may see of it. The tokens
//! themselves are read in `lexeme`.

use miette::SourceSpan;

use super::error::{ConfigFinding, offset};
use super::lexeme::{Lexeme, is_blank};
use super::prescan::{MAX_FINDINGS, Prescan};

/// The deepest `{`, and the deepest `/*`.
pub(super) const MAX_DEPTH: usize = 64;
/// The most nodes: the parser takes 25 microseconds for each, and tiny ones are many in few bytes.
pub(super) const MAX_NODES: usize = 50_000;
/// The pass under way.
pub(super) struct Scanner<'t> {
    /// The text, without invisible characters.
    pub(super) text: &'t str,
    /// The byte to look at next.
    pub(super) at: usize,
    /// What the parser will get.
    clean: Vec<u8>,
    findings: Vec<ConfigFinding>,
    /// Something was found that cannot be replaced.
    broken: bool,
    /// The open blocks, the innermost last.
    blocks: Vec<Block>,
    /// The node being read.
    node: Node,
    /// How many nodes began so far.
    nodes: usize,
}

/// An open `{`.
struct Block {
    at: usize,
    /// The `/-` before the block.
    hidden: Option<usize>,
    /// The `/-` before the node around.
    node_hidden: Option<usize>,
    /// Where the node around it stands once this is closed.
    after: Place,
}

/// How much of a node has been read.
#[derive(Default)]
struct Node {
    place: Place,
    last: Last,
    /// A blank, or the start of the line, is right before.
    touches: bool,
    /// The `/-` before the node.
    hidden: Option<usize>,
    /// The `/-` before the last value.
    value_hidden: Option<usize>,
    /// A `/-` whose target has not come yet.
    hiding: Option<usize>,
}

/// What may come next in a node.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    /// Its name.
    #[default]
    Name,
    /// Arguments, properties and children.
    Entries,
    /// Only children: a hidden block has been read.
    Children,
    /// Nothing more than hidden blocks.
    End,
}

/// The token before.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Last {
    #[default]
    Nothing,
    Name,
    /// A value that may turn out to be a property's name.
    Text,
    /// Any other value.
    Value,
    Equals(usize),
}

impl<'t> Scanner<'t> {
    /// Starts behind the byte order mark, with what was found before.
    pub(super) fn new(text: &'t str, findings: Vec<ConfigFinding>) -> Self {
        Self {
            text,
            at: if text.starts_with('\u{feff}') { 3 } else { 0 },
            clean: text.as_bytes().to_vec(),
            broken: false,
            findings,
            blocks: Vec::new(),
            node: Node::default(),
            nodes: 0,
        }
    }

    /// Reads all tokens.
    pub(super) fn run(mut self) -> Prescan {
        while self.at < self.text.len() && self.findings.len() < MAX_FINDINGS {
            self.step();
        }
        self.finish()
    }
}

impl Scanner<'_> {
    /// Reads one token.
    fn step(&mut self) {
        let Some(character) = self.peek() else { return };
        let rest = &self.text[self.at..];
        match character {
            '\n' | '\r' => self.newline(),
            blank if is_blank(blank) => self.blank(blank.len_utf8()),
            '/' if rest.starts_with("//") => self.line_comment(),
            '/' if rest.starts_with("/*") => self.block_comment(),
            '/' if rest.starts_with("/-") => self.hide(),
            '\\' => self.continuation(),
            '{' => self.open(),
            '}' => self.close(),
            ';' => self.semicolon(),
            '=' if !rest.starts_with("==") => self.equals(),
            '(' | ')' => self.annotation(),
            '[' | ']' => self.replace_with_blank("arguments stand side by side: dependencies \"a\" \"b\""),
            ',' if self.node.touches => self.replace_with_blank("values are separated by blanks"),
            _ => {
                let start = self.at;
                let begins = self.starts_a_node();
                let lexeme = self.lexeme();
                self.nodes += usize::from(begins);
                if self.nodes > MAX_NODES {
                    let span = self.span_from(start);
                    return self.give_up(ConfigFinding::TooManyNodes { most: MAX_NODES, span });
                }
                self.value(lexeme, start);
            }
        }
    }

    /// The character to look at next.
    pub(super) fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    /// The span from `start` to here.
    pub(super) fn span_from(&self, start: usize) -> SourceSpan {
        (start, self.at - start).into()
    }

    /// Does a node start here?
    pub(super) fn starts_a_node(&self) -> bool {
        self.node.place == Place::Name
    }

    /// Reports a mistake that has been replaced.
    pub(super) fn report(&mut self, finding: ConfigFinding) {
        self.findings.push(finding);
    }

    /// Reports a mistake that the parser must not see.
    pub(super) fn refuse(&mut self, finding: ConfigFinding) {
        self.broken = true;
        self.findings.push(finding);
    }

    /// Reports a mistake after which nothing can be made of the text.
    pub(super) fn give_up(&mut self, finding: ConfigFinding) {
        self.refuse(finding);
        self.at = self.text.len();
    }

    /// Replaces the text from `start` to here.
    pub(super) fn fill(&mut self, start: usize, with: u8) {
        self.clean[start..self.at].fill(with);
    }

    /// Steps over `bytes` of blank.
    pub(super) fn blank(&mut self, bytes: usize) {
        self.at += bytes;
        self.node.touches = false;
    }

    /// Steps to the end of the line.
    pub(super) fn skip_line(&mut self) {
        self.at += self.text[self.at..].find('\n').unwrap_or(self.text.len() - self.at);
    }

    /// The finding that the character at `at` does not belong there.
    pub(super) fn unexpected(&self, at: usize, help: &str) -> ConfigFinding {
        let character = self.text[at..].chars().next().unwrap_or(' ');
        let span = (at, character.len_utf8()).into();
        ConfigFinding::Unexpected { character: character.to_string(), help: help.to_owned(), span }
    }

    fn replace_with_blank(&mut self, help: &str) {
        let finding = self.unexpected(self.at, help);
        self.report(finding);
        self.blank(1);
        self.fill(self.at - 1, b' ');
    }

    fn newline(&mut self) {
        if self.node.hiding.is_none() {
            self.end_node();
        }
        self.blank(1);
    }

    /// The node ends here; a token that still waits for another one is a mistake.
    fn end_node(&mut self) {
        let node = std::mem::take(&mut self.node);
        if let Last::Equals(at) = node.last {
            let finding = self.unexpected(at, "a value follows it on the same line");
            self.refuse(finding);
        }
        if let Some(at) = node.hiding {
            let finding = self.unexpected(at, "`/-` hides the node, value or block that follows");
            self.refuse(finding);
        }
        if let Some(start) = node.hidden {
            self.fill(start, b' ');
        }
    }

    fn hide(&mut self) {
        let start = self.at;
        if matches!(self.node.last, Last::Equals(_)) || self.node.hiding.is_some() {
            let finding = self.unexpected(start, "one `/-` hides one node, value or block");
            self.refuse(finding);
        } else if self.node.touches {
            self.refuse(ConfigFinding::MissingSpace { span: (start, 2).into() });
        }
        self.blank(2);
        self.node.hiding = Some(start);
    }

    fn open(&mut self) {
        let hiding = self.node.hiding.take();
        let may = match self.node.place {
            Place::Name => false,
            Place::Entries => !matches!(self.node.last, Last::Equals(_)),
            Place::Children => true,
            Place::End => hiding.is_some(),
        };
        if !may {
            let finding = self.unexpected(self.at, "a block follows its node: environment \"dev\" { … }");
            self.refuse(finding);
        }
        if self.blocks.len() == MAX_DEPTH {
            let span = (self.at, 1).into();
            return self.give_up(ConfigFinding::TooDeep { what: "blocks", most: MAX_DEPTH, span });
        }
        let after =
            if hiding.is_some() && self.node.place != Place::End { Place::Children } else { Place::End };
        self.blocks.push(Block { at: self.at, hidden: hiding, node_hidden: self.node.hidden, after });
        self.node = Node::default();
        self.at += 1;
    }

    fn close(&mut self) {
        self.end_node();
        let at = self.at;
        self.at += 1;
        let Some(block) = self.blocks.pop() else {
            return self.refuse(ConfigFinding::Unopened { span: (at, 1).into() });
        };
        if let Some(start) = block.hidden {
            self.fill(start, b' ');
        }
        self.node = Node { place: block.after, hidden: block.node_hidden, ..Node::default() };
    }

    fn semicolon(&mut self) {
        if self.node.place == Place::Name && self.node.hiding.is_none() {
            return self.replace_with_blank("`;` ends a node; there is none");
        }
        self.end_node();
        // The parser stumbles over a `;` after some nodes; a line end means the same.
        self.at += 1;
        self.fill(self.at - 1, b'\n');
    }

    fn equals(&mut self) {
        let at = self.at;
        match self.node.last {
            Last::Name => self.replace_with_blank("leave it out: a node's name is followed by its values"),
            Last::Text => {
                self.blank(1);
                self.node.last = Last::Equals(at);
            }
            _ => {
                let finding =
                    self.unexpected(at, "it stands between a property's name and its value: path=\"x\"");
                self.refuse(finding);
                self.blank(1);
            }
        }
    }

    /// A value was read: may it stand there?
    fn value(&mut self, lexeme: Lexeme, start: usize) {
        if lexeme == Lexeme::Nothing {
            return;
        }
        let span = self.span_from(start);
        if self.node.touches && !matches!(self.node.last, Last::Equals(_)) {
            self.refuse(ConfigFinding::MissingSpace { span });
        }
        self.node.touches = true;
        let hiding = self.node.hiding.take();
        match self.node.place {
            Place::Name if lexeme == Lexeme::Text => {
                self.node.place = Place::Entries;
                self.node.last = Last::Name;
                self.node.hidden = hiding;
            }
            Place::Name => {
                let finding = self.unexpected(start, "a line starts with the name of a node");
                self.refuse(finding);
                self.node.place = Place::Entries;
            }
            Place::Entries => {
                let property = matches!(self.node.last, Last::Equals(_));
                if !property {
                    self.node.value_hidden = hiding;
                }
                if let Some(start) = self.node.value_hidden {
                    self.fill(start, b' ');
                }
                self.node.last = if lexeme == Lexeme::Text && !property { Last::Text } else { Last::Value };
            }
            Place::Children | Place::End => {
                let finding = self.unexpected(start, "after a `}` comes a new line");
                self.refuse(finding);
            }
        }
    }

    /// Nothing more comes: what is still open?
    fn finish(mut self) -> Prescan {
        if self.findings.len() < MAX_FINDINGS && !self.broken {
            self.end_node();
        }
        let gave_up = self.broken && self.findings.len() >= MAX_FINDINGS;
        if let Some(block) = self.blocks.last().filter(|_| !gave_up && !self.is_too_deep()) {
            let help = "write `}` where the block ends".to_owned();
            let span = (block.at, 1).into();
            self.refuse(ConfigFinding::Unclosed { what: "the block", help, span });
        }
        self.findings.sort_by_key(offset);
        self.findings.truncate(MAX_FINDINGS);
        // Only whole characters were replaced, by ASCII.
        let text = String::from_utf8(self.clean).unwrap_or_default();
        Prescan {
            text,
            parseable: !self.broken && self.findings.len() < MAX_FINDINGS,
            findings: self.findings,
        }
    }

    /// Was the text given up before its blocks could be closed?
    fn is_too_deep(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| matches!(finding, ConfigFinding::TooDeep { .. } | ConfigFinding::Unclosed { .. }))
    }
}
