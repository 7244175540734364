//! What is done beyond the first record that is not, kept beside the committed offset.
//!
//! Records of different keys end in any order, and an offset says only where the first is that is not done. Which ones after
//! it are done is written into the metadata that Kafka keeps with a committed offset, so that whoever reads the partition
//! next does not handle them again. Nobody else is disturbed by it: to them it is a text that means nothing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// What the text begins with: ours, and which way of writing it.
const PREFIX: &str = "eda1:";

/// No further than this: in base64 it has to fit into 4096 bytes (`offset.metadata.max.bytes`). What is beyond is not
/// remembered, and handled again.
const FURTHEST: usize = 3000 * 8;

/// Distances from a committed offset, each of a record that is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ahead(Vec<u8>);

impl Ahead {
    /// Of these distances, which are not negative.
    pub(super) fn of(distances: impl Iterator<Item = i64>) -> Self {
        let mut bits = Vec::new();
        for distance in distances.filter_map(|distance| usize::try_from(distance).ok()) {
            if distance < FURTHEST {
                let byte = distance / 8;
                if bits.len() <= byte {
                    bits.resize(byte + 1, 0);
                }
                bits[byte] |= 1 << (distance % 8);
            }
        }
        Ahead(bits)
    }

    /// Whether the record at this distance is done.
    pub(super) fn has(&self, distance: i64) -> bool {
        let at = usize::try_from(distance).ok();
        let byte = at.and_then(|at| self.0.get(at / 8));
        byte.is_some_and(|byte| byte & 1 << (distance % 8) != 0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn write(&self) -> String {
        format!("{PREFIX}{}", STANDARD_NO_PAD.encode(&self.0))
    }

    /// Nothing, when somebody else wrote it.
    pub(super) fn read(text: &str) -> Self {
        let bits = text
            .strip_prefix(PREFIX)
            .and_then(|text| STANDARD_NO_PAD.decode(text).ok());
        Ahead(bits.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_fits() {
        let distances = [1, 2, 9, 999, 23_999, 24_000, 1_000_000];
        let ahead = Ahead::of(distances.into_iter());
        let text = ahead.write();
        assert!(text.len() <= 4096, "{}", text.len());
        let read = Ahead::read(&text);
        assert_eq!(read, ahead);
        let known: Vec<i64> = (-1..1_000_001).filter(|at| read.has(*at)).collect();
        assert_eq!(known, [1, 2, 9, 999, 23_999]);
    }

    #[test]
    fn a_text_of_somebody_else_says_nothing() {
        for text in ["", "eda1:*", "eda2:AA", "a note", "eda1:"] {
            assert!(Ahead::read(text).is_empty(), "{text}");
        }
    }
}
