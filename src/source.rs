//! The input files, each read once, and positions in them.

use std::cmp::Ordering;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// A file of [`Sources`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(u32);

/// A byte range of one input file. Line and column are computed only when a diagnostic is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The file it lies in.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The place of what no input file has written: nothing is drawn there.
    pub const NOWHERE: Self = Self { file: FileId(u32::MAX), start: 0, end: 0 };

    /// The byte range; input files are at most 64 MiB, so 32 bits hold every offset.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// All of a file.
    pub fn of_file(file: FileId) -> Self {
        Self { file, start: 0, end: u32::MAX }
    }

    /// The empty span at a byte of the same file.
    pub fn at(self, byte: usize) -> Span {
        let byte = u32::try_from(byte).unwrap_or(u32::MAX);
        Span { start: byte, end: byte, ..self }
    }

    /// Returns true if `other` lies inside this span.
    pub fn contains(self, other: Span) -> bool {
        self.file == other.file && self.start <= other.start && other.end <= self.end
    }
}

/// A value and where it was written.
///
/// Compares by its value alone, so that two inventories that differ in layout are equal.
#[derive(Debug, Clone, Copy)]
pub struct Loc<T> {
    /// The value that was written.
    pub value: T,
    /// The place where it was written.
    pub span: Span,
}

impl<T> Loc<T> {
    /// The same place with another value.
    pub fn with<U>(&self, value: U) -> Loc<U> {
        Loc { value, span: self.span }
    }
}

impl<T: PartialEq> PartialEq for Loc<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}
impl<T: Eq> Eq for Loc<T> {}
impl<T: PartialOrd> PartialOrd for Loc<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}
impl<T: Ord> Ord for Loc<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.value.cmp(&other.value)
    }
}

/// Every input file of a run. A clone shares the files that were read before, and knows them by the same ids.
#[derive(Debug, Default, Clone)]
pub struct Sources {
    files: Vec<Arc<Source>>,
}

/// One input file.
#[derive(Debug)]
pub struct Source {
    /// The path as a message shows it.
    pub path: String,
    /// The whole text.
    pub text: Arc<str>,
    /// The counts before each block of [`BLOCK`] bytes, made when a position is first asked for.
    blocks: OnceLock<Vec<Before>>,
}

/// Bytes between two counts: what one question for a position may have to look at.
const BLOCK: usize = 4096;

/// The counts of what stands before some byte of a text.
#[derive(Debug, Clone, Copy, Default)]
struct Before {
    /// Line breaks.
    lines: usize,
    /// Characters.
    chars: usize,
    /// The first byte of the line.
    line_start: usize,
}

impl Before {
    /// Returns the counts before the end of `text`, which starts at byte `start` and has this before it.
    fn and(mut self, text: &[u8], start: usize) -> Self {
        for (offset, byte) in text.iter().enumerate() {
            if *byte == b'\n' {
                self.lines += 1;
                self.line_start = start + offset + 1;
            }
            // Every byte but the continuation bytes of UTF-8.
            self.chars += usize::from(byte & 0xc0 != 0x80);
        }
        self
    }
}

impl Source {
    fn before(&self, at: usize) -> Before {
        let text = self.text.as_bytes();
        let blocks = self.blocks.get_or_init(|| {
            let mut before = Before::default();
            let counts = text.chunks(BLOCK).enumerate().map(|(index, block)| {
                let here = before;
                before = before.and(block, index * BLOCK);
                here
            });
            counts.collect()
        });
        let block = (at / BLOCK).min(blocks.len().saturating_sub(1));
        let from = blocks.get(block).copied().unwrap_or_default();
        from.and(&text[(block * BLOCK).min(at)..at], block * BLOCK)
    }
}

impl Sources {
    /// Keeps a file for the messages of this run.
    pub fn add(&mut self, path: String, text: impl Into<Arc<str>>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(Arc::new(Source { path, text: text.into(), blocks: OnceLock::new() }));
        id
    }

    /// The file of an id that [`Sources::add`] gave.
    pub fn get(&self, id: FileId) -> &Source {
        &self.files[id.0 as usize]
    }

    /// The path of every file, as it was named.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|source| source.path.as_str())
    }

    /// Line and column of a span's first character, both from 1, the column in characters.
    pub fn line_column(&self, span: Span) -> (usize, usize) {
        let source = self.get(span.file);
        let here = source.before(source.text.floor_char_boundary(span.start as usize));
        let line = source.before(here.line_start);
        (here.lines + 1, here.chars - line.chars + 1)
    }
}
