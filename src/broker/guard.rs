//! Checks a request's bytes against its shape before the codec may see them.
//!
//! The codec trusts the lengths in a frame: an array that claims 2³¹ items makes it reserve room for all of them, and
//! the allocator then ends the process. So every request is walked first, by the table in [`super::shapes`]: each
//! length must fit in the bytes that are left, and the items of a frame, all arrays together, are counted. What passes
//! can be decoded in memory proportional to the frame.

/// At most this many array items and tagged fields in one request: bounds what decoding may allocate.
const ITEMS_LIMIT: usize = 1_000_000;

/// One type of the protocol guide, as far as its length on the wire goes.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A number, boolean or uuid of so many bytes.
    Fixed(usize),
    /// STRING, NULLABLE_STRING and their COMPACT forms.
    Text,
    /// BYTES, NULLABLE_BYTES, RECORDS and their COMPACT forms.
    Blob,
    /// An array of plain values.
    List(&'static Kind),
    /// An array of structures.
    Array(&'static Shape),
    /// A structure in place; only tagged fields hold one.
    Struct(&'static Shape),
}

/// A field and the first and last request version that has it.
pub(super) struct Field {
    pub(super) kind: Kind,
    pub(super) first: i16,
    pub(super) last: i16,
}

/// A request or a structure inside one: its fields in order and the tagged fields the codec knows.
pub(super) struct Shape {
    pub(super) fields: &'static [Field],
    pub(super) tagged: &'static [(u32, Kind)],
}

/// Walks a request body of `version`; `flexible` says whether lengths are compact and structures end in tagged fields.
/// Returns how many bytes are left after it. The error names what does not fit; nothing is allocated.
pub(super) fn check(
    body: &[u8],
    shape: &Shape,
    version: i16,
    flexible: bool,
) -> Result<usize, &'static str> {
    let mut walk = Walk {
        rest: body,
        items: 0,
        version,
        flexible,
    };
    walk.structure(shape)?;
    Ok(walk.rest.len())
}

struct Walk<'a> {
    rest: &'a [u8],
    items: usize,
    version: i16,
    flexible: bool,
}

impl Walk<'_> {
    fn structure(&mut self, shape: &Shape) -> Result<(), &'static str> {
        for field in shape.fields {
            if (field.first..=field.last).contains(&self.version) {
                self.value(field.kind)?;
            }
        }
        if self.flexible {
            self.tagged(shape.tagged)?;
        }
        Ok(())
    }

    fn value(&mut self, kind: Kind) -> Result<(), &'static str> {
        match kind {
            Kind::Fixed(size) => self.skip(size),
            Kind::Text => {
                let length = if self.flexible {
                    self.compact()?
                } else {
                    self.short()?
                };
                self.skip(length)
            }
            Kind::Blob => {
                let length = self.length()?;
                self.skip(length)
            }
            Kind::List(kind) => {
                for _ in 0..self.items()? {
                    self.value(*kind)?;
                }
                Ok(())
            }
            Kind::Array(shape) => {
                for _ in 0..self.items()? {
                    self.structure(shape)?;
                }
                Ok(())
            }
            Kind::Struct(shape) => self.structure(shape),
        }
    }

    /// The codec reads a tagged field it knows without looking at the size before it, so that size must be true.
    fn tagged(&mut self, known: &[(u32, Kind)]) -> Result<(), &'static str> {
        let count = self.varint()? as usize;
        self.count(count)?;
        for _ in 0..count {
            let tag = self.varint()?;
            let size = self.varint()? as usize;
            match known.iter().find(|(number, _)| *number == tag) {
                None => self.skip(size)?,
                Some((_, kind)) => {
                    let before = self.rest.len();
                    self.value(*kind)?;
                    if before - self.rest.len() != size {
                        return Err("a tagged field is not as long as it says");
                    }
                }
            }
        }
        Ok(())
    }

    fn skip(&mut self, size: usize) -> Result<(), &'static str> {
        self.rest = self
            .rest
            .get(size..)
            .ok_or("a value is longer than the frame")?;
        Ok(())
    }

    fn items(&mut self) -> Result<usize, &'static str> {
        let count = self.length()?;
        self.count(count)?;
        Ok(count)
    }

    /// Every item takes a byte or more, so more items than bytes are a lie.
    fn count(&mut self, count: usize) -> Result<(), &'static str> {
        if count > self.rest.len() {
            return Err("an array is longer than the frame");
        }
        self.items += count;
        if self.items > ITEMS_LIMIT {
            return Err("more than 1000000 items in one request");
        }
        Ok(())
    }

    /// The length of bytes or of an array; null counts as nothing.
    fn length(&mut self) -> Result<usize, &'static str> {
        if self.flexible {
            return self.compact();
        }
        match i32::from_be_bytes(self.take()?) {
            -1 => Ok(0),
            length => usize::try_from(length).map_err(|_| "a length is negative"),
        }
    }

    fn short(&mut self) -> Result<usize, &'static str> {
        match i16::from_be_bytes(self.take()?) {
            -1 => Ok(0),
            length => usize::try_from(length).map_err(|_| "a length is negative"),
        }
    }

    fn compact(&mut self) -> Result<usize, &'static str> {
        Ok((self.varint()? as usize).saturating_sub(1))
    }

    /// An UNSIGNED_VARINT, read exactly as the codec reads it (five bytes at most, surplus bits lost).
    fn varint(&mut self) -> Result<u32, &'static str> {
        let mut value = 0u32;
        for index in 0..5 {
            let [byte] = self.take()?;
            value |= u32::from(byte & 0x7f) << (index * 7);
            if byte < 0x80 {
                break;
            }
        }
        Ok(value)
    }

    fn take<const SIZE: usize>(&mut self) -> Result<[u8; SIZE], &'static str> {
        let (head, rest) = self
            .rest
            .split_first_chunk()
            .ok_or("the frame ends inside a value")?;
        self.rest = rest;
        Ok(*head)
    }
}
