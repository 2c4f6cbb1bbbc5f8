//! Texts that differ from those of a corpus by a few words, pieces and bits.

use proptest::{prelude::*, sample::Index};

fn is_between_words(byte: u8) -> bool {
    b"{}[],:\"\n".contains(&byte)
}

/// Words and what stands between them: the pieces of JSON and of a request's head.
fn tokens(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    text.chunk_by(|one, next| !is_between_words(*one) && !is_between_words(*next)).map(<[u8]>::to_vec)
}

/// One change at a place: another word, a run of pieces from elsewhere, pieces left out, or a flipped bit.
#[derive(Debug, Clone)]
struct Change {
    kind: u8,
    at: Index,
    from: Index,
    length: usize,
}

impl Change {
    fn any() -> impl Strategy<Value = Self> {
        (0..6_u8, any::<Index>(), any::<Index>(), 1..12_usize).prop_map(|(kind, at, from, length)| Self {
            kind,
            at,
            from,
            length,
        })
    }

    fn make(&self, tokens: &mut Vec<Vec<u8>>, pool: &[Vec<u8>], words: &[Vec<u8>]) {
        let at = self.at.index(tokens.len());
        let start = self.from.index(pool.len());
        let run = pool[start..].iter().take(self.length).cloned();
        match self.kind {
            0 | 1 => {
                let word = (at..tokens.len()).find(|at| !is_between_words(tokens[*at][0]));
                tokens[word.unwrap_or(at)] = words[self.from.index(words.len())].clone();
            }
            2 => drop(tokens.splice(at..at, run)),
            3 => drop(tokens.splice(at..tokens.len().min(at + self.length), run)),
            4 => drop(tokens.drain(at..(tokens.len() - 1).min(at + self.length))),
            _ => {
                let place = self.from.index(tokens[at].len());
                tokens[at][place] ^= 1 << (self.length % 8);
            }
        }
    }
}

/// Changed entries of the corpus.
pub(crate) fn changed(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let pool: Vec<_> = corpus.iter().flat_map(|entry| tokens(entry)).collect();
    let words: Vec<_> = pool.iter().filter(|token| !is_between_words(token[0])).cloned().collect();
    (any::<Index>(), prop::collection::vec(Change::any(), 1..6)).prop_map(move |(entry, changes)| {
        let mut tokens = tokens(entry.get::<Vec<u8>>(&corpus)).collect();
        changes.iter().for_each(|change| change.make(&mut tokens, &pool, &words));
        tokens.concat()
    })
}
