//! What the page tells once, after a form. Kept here under a number, which is all that the address of the page carries: no
//! link can put words on it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use usher_wire::Error;

/// Notices that nobody has seen yet; a person has few tabs.
const MOST: usize = 16;

/// How an action ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Notice {
    /// Well, in these words.
    Done(&'static str),
    /// Not at all.
    Failed(Error),
}

/// The notices that wait to be shown, the oldest first.
#[derive(Default)]
pub(crate) struct Notices(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    last: u64,
    notices: VecDeque<(u64, Notice)>,
}

impl Notices {
    /// Keeps a notice and answers its number.
    pub(super) fn put(&self, notice: Notice) -> u64 {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.last += 1;
        let number = waiting.last;
        if waiting.notices.len() == MOST {
            waiting.notices.pop_front();
        }
        waiting.notices.push_back((number, notice));
        number
    }

    /// The notice with this number, the first time it is asked for.
    pub(super) fn take(&self, number: u64) -> Option<Notice> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = waiting.notices.iter().position(|(waiting, _)| *waiting == number)?;
        waiting.notices.remove(at).map(|(_, notice)| notice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_told_once_and_the_oldest_are_forgotten() {
        let notices = Notices::default();
        let first = notices.put(Notice::Done("one"));
        assert_eq!(notices.take(first), Some(Notice::Done("one")));
        assert_eq!(notices.take(first), None);
        let numbers: Vec<u64> = (0..=MOST).map(|_| notices.put(Notice::Done("more"))).collect();
        assert_eq!(notices.take(numbers[0]), None);
        assert!(notices.take(numbers[1]).is_some());
    }
}
