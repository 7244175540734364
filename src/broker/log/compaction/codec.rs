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

#[cfg(test)]
mod tests {
    use super::*;

    fn compressed(codec: i16, content: &[u8]) -> Vec<u8> {
        compress(codec, content.to_vec()).unwrap()
    }

    #[test]
    fn what_is_written_is_read_again_up_to_the_limit() {
        // Larger than a block of snappy and of lz4, and not all alike.
        let content: Vec<u8> = (0..200_000u32)
            .map(|i| (i % 251 * (i / 999)) as u8)
            .collect();
        for codec in 1..=4 {
            for size in [0, 1, 32 * 1024, 65 * 1024, content.len()] {
                let content = &content[..size];
                let bytes = compressed(codec, content);
                assert_eq!(decompress(codec, &bytes, size).as_deref(), Ok(content));
                if size == 0 {
                    continue;
                }
                let refused = decompress(codec, &bytes, size - 1);
                assert_eq!(refused, Err(Fault::TooLarge), "codec {codec}");
                let cut = decompress(codec, &bytes[..bytes.len() / 2], size);
                assert_ne!(cut.as_deref(), Ok(content), "codec {codec}, {size} bytes");
            }
        }
        assert_eq!(compressed(0, b"as it is"), b"as it is");
        assert!(compress(5, Vec::new()).is_err());
    }

    #[test]
    fn a_stream_begins_as_javas_does() {
        let begins = |codec: i16| compressed(codec, b"a record, a record, a record");
        assert!(begins(1).starts_with(b"\x1f\x8b\x08"));
        assert!(begins(2).starts_with(b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\0\0\0"));
        // Version 1, independent blocks of 64 KiB, no checksums.
        assert!(begins(3).starts_with(&[0x04, 0x22, 0x4d, 0x18, 0x60, 0x40]));
        assert!(begins(4).starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
    }

    #[test]
    fn snappy_is_read_raw_and_in_chunks() {
        let mut encoder = snap::raw::Encoder::new();
        let raw = encoder.compress_vec(b"some records").unwrap();
        assert_eq!(decompress(2, &raw, 99).as_deref(), Ok(&b"some records"[..]));
        let mut two = SNAPPY_JAVA.to_vec();
        for _ in 0..2 {
            two.extend_from_slice(&(raw.len() as i32).to_be_bytes());
            two.extend_from_slice(&raw);
        }
        let twice = b"some recordssome records";
        assert_eq!(decompress(2, &two, 24).as_deref(), Ok(&twice[..]));
        assert_eq!(decompress(2, &two, 23), Err(Fault::TooLarge));
        two.extend_from_slice(&[0, 0]);
        assert_eq!(decompress(2, &two, 99), Err(Fault::Undecodable));
        two.extend_from_slice(&[0x7f, 0xff, 1]);
        assert_eq!(decompress(2, &two, 99), Err(Fault::Undecodable));
    }

    #[test]
    fn a_length_that_snappy_claims_is_not_believed() {
        // 4 GiB less a byte, and 100 MiB, of nothing.
        for claim in [
            &[0xff, 0xff, 0xff, 0xff, 0x0f, 0][..],
            &[0x80, 0x80, 0x80, 0x32, 0],
        ] {
            assert_eq!(decompress(2, claim, usize::MAX), Err(Fault::Undecodable));
        }
        // The densest there is, is believed.
        let zeros = compressed(2, &vec![0; 32 * 1024]);
        assert!(zeros.len() < 1700);
        assert!(decompress(2, &zeros, 32 * 1024).is_ok());
    }

    #[test]
    fn lz4_blocks_that_refer_to_each_other_are_refused_as_in_kafka() {
        let frame = FrameInfo::new().block_mode(BlockMode::Linked);
        let mut encoder = FrameEncoder::with_frame_info(frame, Vec::new());
        encoder.write_all(b"some records").unwrap();
        let linked = encoder.finish().unwrap();
        assert_eq!(decompress(3, &linked, 99), Err(Fault::Undecodable));
    }

    /// A decoder that never ends, and knows how much it was asked for.
    struct Bomb<'a>(&'a mut usize);

    impl Read for Bomb<'_> {
        fn read(&mut self, place: &mut [u8]) -> std::io::Result<usize> {
            place.fill(0);
            *self.0 += place.len();
            Ok(place.len())
        }
    }

    #[test]
    fn a_bomb_is_left_one_byte_beyond_the_limit() {
        let mut asked = 0;
        assert_eq!(bounded(Bomb(&mut asked), 100_000), Err(Fault::TooLarge));
        assert_eq!(asked, 100_001);
        // Many mebibytes of zeros in a few kilobytes, written by the codecs themselves.
        let zeros = || std::io::repeat(0).take(64 << 20);
        let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::copy(&mut zeros(), &mut gzip).unwrap();
        let gzip = gzip.finish().unwrap();
        let zstd = zstd::encode_all(zeros(), 1).unwrap();
        for (codec, bomb) in [(1, gzip), (4, zstd)] {
            assert!(bomb.len() < 512 * 1024);
            assert_eq!(decompress(codec, &bomb, 1 << 20), Err(Fault::TooLarge));
        }
    }
}
