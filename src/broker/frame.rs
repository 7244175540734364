//! Frames: four bytes of length, a header, a body; in both directions.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::Encodable;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::guard::{self, Field, Kind, Shape};
use super::log::segment::Slice;
use super::stream::Stream;

/// Room made for a read when nothing is known of what comes.
const READ_SIZE: usize = 16 * 1024;
/// What is in a file is read in parts of this size, each when the one before is sent.
const FILE_READ_SIZE: usize = 256 * 1024;
/// At most this many slices go into one system call.
const SLICES_PER_WRITE: usize = 64;

/// Why a connection is closed: a sentence for the log. Nothing is answered.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) String);

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        Refusal(error.to_string())
    }
}

/// A request's header, in the form all versions share.
#[derive(Debug)]
pub(super) struct Header {
    /// Which request.
    pub(super) api: ApiKey,
    /// Which version of it.
    pub(super) version: i16,
    /// Comes back in the answer.
    pub(super) correlation: i32,
    /// `client.id`.
    pub(super) client_id: String,
}

/// The tagged fields that end a flexible header.
static NO_FIELDS: Shape = Shape {
    fields: &[],
    tagged: &[],
};
static CLIENT_ID: Shape = Shape {
    fields: &[Field {
        kind: Kind::Text,
        first: 0,
        last: i16::MAX,
    }],
    tagged: &[],
};

impl Header {
    /// Takes the header off the front of a frame. Never panics, whatever the bytes.
    pub(super) fn take(frame: &mut Bytes) -> Result<Header, Refusal> {
        if frame.len() < 8 {
            return Err(Refusal("a frame is too short for a header".to_owned()));
        }
        let key = frame.get_i16();
        let version = frame.get_i16();
        let correlation = frame.get_i32();
        let api = ApiKey::try_from(key)
            .map_err(|()| Refusal(format!("there is no request number {key}")))?;
        let fits = |error: &str| Refusal(format!("{api:?} version {version}: header: {error}"));
        let rest = guard::check(frame, &CLIENT_ID, 0, false).map_err(fits)?;
        let text = frame.split_to(frame.len() - rest);
        let client_id = String::from_utf8_lossy(text.get(2..).unwrap_or_default()).into_owned();
        if version >= 0 && api.request_header_version(version) >= 2 {
            let rest = guard::check(frame, &NO_FIELDS, version, true).map_err(fits)?;
            frame.advance(frame.len() - rest);
        }
        Ok(Header {
            api,
            version,
            correlation,
            client_id,
        })
    }
}

/// An answer on its way: whole frames as a chain of slices, so that fetched batches go out without being copied, and
/// those in files without being in memory all at once.
#[derive(Debug, Default)]
pub(super) struct Reply {
    chunks: Vec<Slice>,
}

/// A frame being put together.
#[derive(Debug)]
pub(super) struct ReplyBuilder {
    chunks: Vec<Slice>,
    size: usize,
    /// What was written since the last slice; the frame's length goes before all of it at the end.
    pub(super) tail: BytesMut,
}

impl ReplyBuilder {
    /// Starts an answer; `flexible` headers end in (no) tagged fields.
    pub(super) fn new(correlation: i32, flexible: bool, capacity: usize) -> ReplyBuilder {
        let mut tail = BytesMut::with_capacity(capacity + 9);
        tail.put_i32(0);
        tail.put_i32(correlation);
        if flexible {
            tail.put_u8(0);
        }
        ReplyBuilder {
            chunks: Vec::new(),
            size: 0,
            tail,
        }
    }

    /// Puts slices after what was written so far, without copying them.
    pub(super) fn slices(&mut self, slices: Vec<Slice>) {
        if slices.is_empty() {
            return;
        }
        self.cut();
        self.size += slices.iter().map(Slice::len).sum::<usize>();
        self.chunks.extend(slices);
    }

    fn cut(&mut self) {
        if !self.tail.is_empty() {
            self.size += self.tail.len();
            let written = self.tail.split();
            self.chunks.push(Slice::Memory(written.freeze()));
        }
    }

    /// Writes the length into the front.
    pub(super) fn finish(mut self) -> Reply {
        if self.chunks.is_empty() {
            let length = (self.tail.len() - 4) as i32;
            self.tail[..4].copy_from_slice(&length.to_be_bytes());
            let chunks = vec![Slice::Memory(self.tail.freeze())];
            return Reply { chunks };
        }
        // The first piece is a header of some ten bytes: copied, because its allocation goes on in the next.
        self.cut();
        let length = (self.size - 4) as i32;
        if let Some(Slice::Memory(first)) = self.chunks.first_mut() {
            let mut head = BytesMut::from(std::mem::take(first));
            if let Some(place) = head.first_chunk_mut::<4>() {
                *place = length.to_be_bytes();
            }
            *first = head.freeze();
        }
        Reply {
            chunks: self.chunks,
        }
    }
}

impl Reply {
    /// A whole message as a frame.
    pub(super) fn encode<M: Encodable>(
        message: &M,
        version: i16,
        correlation: i32,
        flexible: bool,
    ) -> Result<Reply, Refusal> {
        let mut builder = ReplyBuilder::new(correlation, flexible, 120);
        let encoded = message.encode(&mut builder.tail, version);
        encoded.map_err(|error| Refusal(format!("an answer cannot be encoded: {error}")))?;
        Ok(builder.finish())
    }

    /// Sends it.
    pub(super) async fn write(self, stream: &mut Stream) -> std::io::Result<()> {
        let mut in_memory = Vec::with_capacity(self.chunks.len());
        for chunk in self.chunks {
            match chunk {
                Slice::Memory(bytes) => in_memory.push(bytes),
                Slice::File(slice) => {
                    write_all(stream, &std::mem::take(&mut in_memory)).await?;
                    for part in slice.parts(FILE_READ_SIZE) {
                        stream.write_all(&part.read()?).await?;
                    }
                }
            }
        }
        write_all(stream, &in_memory).await
    }

    /// The frame in one piece, for tests.
    #[cfg(test)]
    pub(super) fn concat(&self) -> Vec<u8> {
        let bytes = self.chunks.iter().map(|chunk| chunk.bytes().unwrap());
        bytes.collect::<Vec<_>>().concat()
    }
}

/// Sends all chunks, many at a time.
async fn write_all(stream: &mut Stream, chunks: &[Bytes]) -> std::io::Result<()> {
    if let [only] = chunks {
        return stream.write_all(only).await;
    }
    let mut next = 0;
    let mut offset = 0;
    while next < chunks.len() {
        let mut slices = [std::io::IoSlice::new(&[]); SLICES_PER_WRITE];
        let mut count = 0;
        for (slice, chunk) in slices.iter_mut().zip(&chunks[next..]) {
            let skip = if count == 0 { offset } else { 0 };
            *slice = std::io::IoSlice::new(&chunk[skip..]);
            count += 1;
        }
        let mut written = stream.write_vectored(&slices[..count]).await?;
        if written == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        while next < chunks.len() && written >= chunks[next].len() - offset {
            written -= chunks[next].len() - offset;
            next += 1;
            offset = 0;
        }
        offset += written;
    }
    Ok(())
}

/// Reads until `buffer` holds `size` bytes; false when the stream ends before.
///
/// Room is made as bytes arrive, at most twice of them: a length alone never costs memory.
pub(super) async fn fill(
    stream: &mut Stream,
    buffer: &mut BytesMut,
    size: usize,
) -> std::io::Result<bool> {
    while buffer.len() < size {
        let missing = size - buffer.len();
        if buffer.capacity() - buffer.len() < missing.min(READ_SIZE / 4) {
            buffer.reserve(missing.min(buffer.len()).max(READ_SIZE));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}
