//! What stands behind the text of each line: how much of the file was on disk before the line was
//! written, and a checksum of both.
//!
//! Several lines can be one write. When the power fails in it, the disk may keep any parts of it: a
//! later line and not the one before. So a line without its seal says little by itself. It was on
//! disk, and somebody has changed it, if a line behind it says so. If none does, it belongs to the
//! last write, of which nobody was told.

use std::io;

use sha2::{Digest, Sha256};

/// Between the parts. No text has one, since JSON escapes it.
const BETWEEN: u8 = b'\t';

/// How much of a SHA-256 stands in the file. It is for accidents: who can write the file can seal,
/// too.
const SUM_BYTES: usize = 8;

/// A line whose seal is whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sealed<'a> {
    pub(crate) text: &'a [u8],
    /// So many bytes of the file were on disk when it was written.
    pub(crate) synced: u64,
}

/// Seals lines, each of which ends with a line feed.
pub(crate) fn seal(lines: &[u8], synced: u64) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(lines.len().saturating_mul(2));
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let body = [text, &[BETWEEN], synced.to_string().as_bytes()].concat();
        let sum = sum_of(&body);
        sealed.extend(body);
        sealed.push(BETWEEN);
        sealed.extend(sum.into_bytes());
        sealed.push(b'\n');
    }
    sealed
}

/// Reads a line with its line feed; nothing if it is not as it was sealed.
pub(crate) fn open(line: &[u8]) -> Option<Sealed<'_>> {
    let line = line.strip_suffix(b"\n")?;
    let (body, sum) = split_last(line)?;
    if sum_of(body).as_bytes() != sum {
        return None;
    }
    let (text, synced) = split_last(body)?;
    Some(Sealed { text, synced: std::str::from_utf8(synced).ok()?.parse().ok()? })
}

/// The text of a line, whether its seal is whole or not.
pub(crate) fn text_of(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == BETWEEN).next().unwrap_or_default()
}

/// Why a line is refused that is not as it was sealed.
pub(crate) fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is not as it was written: wrong checksum")
}

fn split_last(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().rposition(|byte| *byte == BETWEEN)?;
    let (before, after) = bytes.split_at_checked(at)?;
    Some((before, after.strip_prefix(&[BETWEEN])?))
}

fn sum_of(body: &[u8]) -> String {
    let sum = Sha256::digest(body);
    hex::encode(sum.get(..SUM_BYTES).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_sealed_one_by_one() {
        let sealed = seal(b"{\"a\":1}\n{}\n", 77);
        let lines: Vec<&[u8]> = sealed.split_inclusive(|byte| *byte == b'\n').collect();
        let [first, second] = lines[..] else { panic!("{lines:?}") };
        assert_eq!(open(first), Some(Sealed { text: b"{\"a\":1}", synced: 77 }));
        assert_eq!(open(second), Some(Sealed { text: b"{}", synced: 77 }));
        assert_eq!(text_of(first), b"{\"a\":1}");
    }

    #[test]
    fn no_byte_of_a_line_can_change_unseen() {
        let sealed = seal(b"{\"a\":1}\n", 77);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(&changed), None, "byte {at}");
            assert_eq!(open(sealed.split_at(at).0), None, "cut at {at}");
        }
    }

    #[test]
    fn what_was_never_sealed_is_not_read() {
        for line in [&b""[..], b"\n", b"{}\n", b"\t\n", b"{}\t0\t\n", b"{}\t0\n"] {
            assert_eq!(open(line), None, "{line:?}");
        }
    }
}
