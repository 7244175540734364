//! The codecs of batches (KIP-110 for zstd): what each client of Kafka's writes is read, and written is what Kafka's own
//! broker writes.
//!
//! What is read may come from a stranger: a few bytes can stand for gigabytes. So decompression ends at a limit, and
//! nothing is allocated because a length field asks for it.

use std::io::{Read, Write};

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

use super::Fault;

/// What snappy-java's stream starts with: its name, then version 1, compatible with 1.
const SNAPPY_JAVA: [u8; 16] = *b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
/// Of which only this much is looked at, as snappy-java and librdkafka do.
const SNAPPY_JAVA_NAME: usize = 8;
/// Bytes before compression of what snappy-java compresses at a time.
const SNAPPY_JAVA_CHUNK: usize = 32 * 1024;
/// Snappy's densest element makes 64 bytes of 3.
const SNAPPY_RATIO: usize = 22;
/// The magic number of an LZ4 frame.
const LZ4_FRAME: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
/// The flag of a frame whose blocks do not refer to each other. Kafka reads no others.
const LZ4_INDEPENDENT: u8 = 0x20;
/// As much as zstd's levels up to 22 ask for. The memory is reserved, and touched as far as there are data.
const ZSTD_WINDOW_LOG: u32 = 27;
/// Kafka's `compression.zstd.level`.
const ZSTD_LEVEL: i32 = 3;

/// The records of a batch whose compression is `codec` (1 gzip, 2 snappy, 3 lz4, 4 zstd), if they are `limit` bytes or
/// fewer.
pub(super) fn decompress(codec: i16, payload: &[u8], limit: usize) -> Result<Vec<u8>, Fault> {
    match codec {
        1 => bounded(MultiGzDecoder::new(payload), limit),
        2 => snappy(payload, limit),
        3 => {
            let flags = payload
                .strip_prefix(&LZ4_FRAME)
                .and_then(|rest| rest.first());
            if flags.is_none_or(|flags| flags & LZ4_INDEPENDENT == 0) {
                return Err(Fault::Undecodable);
            }
            bounded(FrameDecoder::new(payload), limit)
        }
        4 => {
            let decoder = zstd::Decoder::with_buffer(payload).and_then(|mut decoder| {
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Ok(decoder)
            });
            bounded(decoder.map_err(|_| Fault::Undecodable)?, limit)
        }
        _ => Err(Fault::Undecodable),
    }
}

/// What a decoder makes, and no more of it than one byte beyond the limit.
fn bounded(decoder: impl Read, limit: usize) -> Result<Vec<u8>, Fault> {
    let mut content = Vec::new();
    let read = decoder.take(limit as u64 + 1).read_to_end(&mut content);
    match read {
        Err(_) => Err(Fault::Undecodable),
        Ok(size) if size > limit => Err(Fault::TooLarge),
        Ok(_) => Ok(content),
    }
}

/// Java writes snappy-java's stream, librdkafka and others one raw block.
fn snappy(payload: &[u8], limit: usize) -> Result<Vec<u8>, Fault> {
    let mut content = Vec::new();
    if !payload.starts_with(&SNAPPY_JAVA[..SNAPPY_JAVA_NAME]) {
        snappy_block(payload, limit, &mut content)?;
        return Ok(content);
    }
    let mut rest = payload.get(SNAPPY_JAVA.len()..).unwrap_or_default();
    while let Some((length, behind)) = rest.split_first_chunk() {
        let length = usize::try_from(i32::from_be_bytes(*length)).ok();
        let split = length.and_then(|length| behind.split_at_checked(length));
        let (block, behind) = split.ok_or(Fault::Undecodable)?;
        snappy_block(block, limit, &mut content)?;
        rest = behind;
    }
    if rest.is_empty() {
        Ok(content)
    } else {
        Err(Fault::Undecodable)
    }
}

fn snappy_block(block: &[u8], limit: usize, content: &mut Vec<u8>) -> Result<(), Fault> {
    let size = snap::raw::decompress_len(block).map_err(|_| Fault::Undecodable)?;
    if size > block.len().saturating_mul(SNAPPY_RATIO) {
        return Err(Fault::Undecodable);
    }
    if size > limit - content.len() {
        return Err(Fault::TooLarge);
    }
    let start = content.len();
    content.resize(start + size, 0);
    let place = content.get_mut(start..).unwrap_or_default();
    match snap::raw::Decoder::new().decompress(block, place) {
        Ok(written) if written == size => Ok(()),
        _ => Err(Fault::Undecodable),
    }
}

/// The other way round; 0 leaves the records as they are.
pub(super) fn compress(codec: i16, records: Vec<u8>) -> std::io::Result<Vec<u8>> {
    match codec {
        0 => Ok(records),
        1 => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(&records)?;
            encoder.finish()
        }
        2 => {
            let mut stream = SNAPPY_JAVA.to_vec();
            let mut encoder = snap::raw::Encoder::new();
            for chunk in records.chunks(SNAPPY_JAVA_CHUNK) {
                let block = encoder.compress_vec(chunk)?;
                stream.extend_from_slice(&(block.len() as i32).to_be_bytes());
                stream.extend_from_slice(&block);
            }
            Ok(stream)
        }
        3 => {
            let frame = FrameInfo::new()
                .block_size(BlockSize::Max64KB)
                .block_mode(BlockMode::Independent);
            let mut encoder = FrameEncoder::with_frame_info(frame, Vec::new());
            encoder.write_all(&records)?;
            Ok(encoder.finish()?)
        }
        4 => zstd::encode_all(records.as_slice(), ZSTD_LEVEL),
        _ => Err(std::io::ErrorKind::Unsupported.into()),
    }
}
