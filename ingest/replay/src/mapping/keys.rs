//! A TOML text as tables that are taken apart key by key; what is missing, wrong or left over is
//! noted with its line.

use std::cell::RefCell;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::MappingFault;

/// All faults found so far.
pub(super) type Faults = RefCell<Vec<MappingFault>>;

/// A value with what it is.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Text(String),
    Number(f64),
    Flag(bool),
    List(Vec<Self>),
    Table(Vec<Entry>),
    Other,
}

/// A key, its line and its value.
pub(super) type Entry = (String, u32, Node);

impl Node {
    fn noun(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Number(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other => "a date",
        }
    }
}

/// One table, being taken apart.
pub(super) struct Keys<'a> {
    path: String,
    line: u32,
    entries: Vec<Entry>,
    asked: Vec<&'static str>,
    faults: &'a Faults,
}

impl<'a> Keys<'a> {
    /// The whole text; faults of syntax are noted.
    pub(super) fn parse(text: &str, faults: &'a Faults) -> Self {
        let newlines: Vec<usize> = text.match_indices('\n').map(|found| found.0).collect();
        let line_of = |offset: usize| {
            let before = newlines.partition_point(|newline| *newline < offset);
            u32::try_from(before + 1).unwrap_or(u32::MAX)
        };
        let (document, syntax) = DeTable::parse_recoverable(text);
        for fault in syntax {
            faults.borrow_mut().push(MappingFault {
                line: fault.span().map_or(1, |span| line_of(span.start)),
                key: String::new(),
                problem: format!("this is not TOML: {}", fault.message()),
                mend: "texts stand in quotes, tables in [brackets]".to_owned(),
            });
        }
        Self {
            path: String::new(),
            line: 1,
            entries: entries_of(document.into_inner(), &line_of),
            asked: Vec::new(),
            faults,
        }
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Notes a fault of a key.
    pub(super) fn fault(
        &self,
        line: u32,
        key: &str,
        problem: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.faults.borrow_mut().push(MappingFault {
            line,
            key: self.full(key),
            problem: problem.into(),
            mend: mend.into(),
        });
    }

    /// Takes a key's value.
    pub(super) fn take(&mut self, key: &'static str) -> Option<(u32, Node)> {
        self.asked.push(key);
        let place = self.entries.iter().position(|entry| entry.0 == key)?;
        let (_key, line, node) = self.entries.remove(place);
        Some((line, node))
    }

    fn wrong(&self, line: u32, key: &str, node: &Node, mend: &str) {
        self.fault(line, key, format!("is {}", node.noun()), mend);
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, key: &'static str) -> Option<(u32, String)> {
        match self.take(key)? {
            (line, Node::Text(text)) if !text.is_empty() => Some((line, text)),
            (line, node) => {
                self.wrong(line, key, &node, "write a text in quotes");
                None
            }
        }
    }

    /// A text that must be there.
    pub(super) fn required_text(&mut self, key: &'static str, mend: &str) -> Option<(u32, String)> {
        let is_there = self.entries.iter().any(|entry| entry.0 == key);
        if !is_there {
            self.asked.push(key);
            self.fault(self.line, key, "is missing", mend);
            return None;
        }
        self.text(key)
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let (line, text) = self.text(key)?;
        let found = words.iter().find(|word| word.0 == text);
        if found.is_none() {
            let allowed: Vec<_> = words.iter().map(|word| word.0).collect();
            let mend = format!("write one of {}", allowed.join(", "));
            self.fault(line, key, format!("is `{}`", shown(&text)), mend);
        }
        found.map(|word| word.1)
    }

    /// True or false; false when it is not there.
    pub(super) fn flag(&mut self, key: &'static str) -> bool {
        match self.take(key) {
            None => false,
            Some((_line, Node::Flag(flag))) => flag,
            Some((line, node)) => {
                self.wrong(line, key, &node, "write true or false");
                false
            }
        }
    }

    /// A finite number.
    pub(super) fn number(&mut self, key: &'static str) -> Option<(u32, f64)> {
        match self.take(key)? {
            (line, Node::Number(number)) if number.is_finite() => Some((line, number)),
            (line, node) => {
                self.wrong(line, key, &node, "write a number");
                None
            }
        }
    }

    /// A list of texts and numbers, each as text.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<(u32, Vec<String>)> {
        let (line, node) = self.take(key)?;
        let Node::List(list) = node else {
            self.wrong(line, key, &node, "write a list: [\"a\", \"b\"]");
            return None;
        };
        let mut texts = Vec::with_capacity(list.len());
        for item in list {
            match item {
                Node::Text(text) => texts.push(text),
                Node::Number(number) => texts.push(number.to_string()),
                Node::Flag(flag) => texts.push(flag.to_string()),
                other => self.wrong(line, key, &other, "list texts and numbers only"),
            }
        }
        Some((line, texts))
    }

    /// A list of pairs of texts.
    pub(super) fn pairs(&mut self, key: &'static str) -> Vec<(String, String)> {
        let Some((line, node)) = self.take(key) else {
            return Vec::new();
        };
        let mend = "write pairs: [[\" \", \"-\"], [\"_\", \"-\"]]";
        let Node::List(list) = node else {
            self.wrong(line, key, &node, mend);
            return Vec::new();
        };
        let mut pairs = Vec::with_capacity(list.len());
        for item in list {
            match item {
                Node::List(pair) => match <[Node; 2]>::try_from(pair) {
                    Ok([Node::Text(from), Node::Text(to)]) if !from.is_empty() => {
                        pairs.push((from, to));
                    }
                    _ => self.fault(line, key, "holds something else than pairs of texts", mend),
                },
                other => self.wrong(line, key, &other, mend),
            }
        }
        pairs
    }

    /// A table below a key.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Self> {
        let (line, node) = self.take(key)?;
        let path = self.full(key);
        self.below(path, line, key, node)
    }

    /// The tables of `[[key]]`, numbered from 1.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<Self> {
        let Some((line, node)) = self.take(key) else {
            return Vec::new();
        };
        let Node::List(list) = node else {
            let mend = format!("write [[{key}]] with two brackets, once for each");
            self.wrong(line, key, &node, &mend);
            return Vec::new();
        };
        let numbered = (1..).zip(list);
        let table = |(number, node): (usize, Node)| {
            let line = first_line(&node).unwrap_or(line);
            let path = format!("{}[{number}]", self.full(key));
            self.below(path, line, key, node)
        };
        numbered.filter_map(table).collect()
    }

    fn below(&self, path: String, line: u32, key: &str, node: Node) -> Option<Self> {
        match node {
            Node::Table(entries) => Some(Self {
                path,
                line,
                entries,
                asked: Vec::new(),
                faults: self.faults,
            }),
            other => {
                self.wrong(line, key, &other, "write a table");
                None
            }
        }
    }

    /// The table's line.
    pub(super) const fn line(&self) -> u32 {
        self.line
    }

    /// All entries of a table whose keys are the writer's own.
    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }

    /// Notes every key that nobody asked for.
    pub(super) fn finish(self) {
        for (key, line, _node) in &self.entries {
            let near = nearest(key, self.asked.iter().copied());
            let mend = near.map_or_else(
                || format!("allowed are {}", self.asked.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.fault(*line, key, "is unknown", mend);
        }
    }
}

fn first_line(node: &Node) -> Option<u32> {
    match node {
        Node::Table(entries) => entries.iter().map(|entry| entry.1).min(),
        _ => None,
    }
}

fn entries_of(table: DeTable<'_>, line_of: &impl Fn(usize) -> u32) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (key, value) in table {
        let line = line_of(key.span().start);
        entries.push((key.into_inner().into_owned(), line, node_of(value, line_of)));
    }
    entries
}

fn node_of(value: Spanned<DeValue<'_>>, line_of: &impl Fn(usize) -> u32) -> Node {
    match value.into_inner() {
        DeValue::String(text) => Node::Text(text.into_owned()),
        DeValue::Integer(whole) => {
            let parsed = i64::from_str_radix(whole.as_str(), whole.radix());
            parsed.map_or(Node::Number(f64::NAN), |whole| {
                Node::Number(float_of(whole))
            })
        }
        DeValue::Float(number) => Node::Number(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Node::Flag(flag),
        DeValue::Datetime(_) => Node::Other,
        DeValue::Array(list) => Node::List(
            list.into_iter()
                .map(|item| node_of(item, line_of))
                .collect(),
        ),
        DeValue::Table(table) => Node::Table(entries_of(table, line_of)),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "numbers in a mapping are sentinels and factors, far below 2^53"
)]
const fn float_of(whole: i64) -> f64 {
    whole as f64
}

/// A text for a message, cut to a readable length.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

/// The name most like another one, if one is like it at all: at most a third of its letters differ.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let with_distance = known.map(|other| (distance(name, other), other));
    let (distance, nearest) = with_distance.min()?;
    (distance <= name.chars().count().div_ceil(3)).then_some(nearest)
}

/// Levenshtein's distance, without regard to case.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().flat_map(char::to_lowercase).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, letter) in left.chars().flat_map(char::to_lowercase).enumerate() {
        let mut corner = index;
        let mut before = index + 1;
        let mut next = vec![before];
        for (other, above) in right.iter().zip(row.iter().skip(1)) {
            let replaced = corner + usize::from(*other != letter);
            before = replaced.min(before + 1).min(above + 1);
            corner = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
