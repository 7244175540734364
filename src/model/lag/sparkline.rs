//! A course of numbers as a line of blocks, the latest on the right.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One character a value: the lowest block is 0, the highest the greatest of them; a gap is a space. From 0, and not
/// from the least, so that a lag that trembles does not look like one that explodes.
pub fn line(values: impl IntoIterator<Item = Option<i64>>) -> String {
    let values: Vec<Option<i64>> = values.into_iter().collect();
    let greatest = values.iter().flatten().copied().max().unwrap_or(0).max(1);
    let steps = BLOCKS.len() as i128 - 1;
    let block = |value: &Option<i64>| match value {
        None => ' ',
        Some(value) => {
            // Rounded up: what is not 0 does not look like it.
            let scaled = i128::from((*value).max(0)) * steps;
            let step = scaled.div_euclid(i128::from(greatest))
                + i128::from(scaled % i128::from(greatest) != 0);
            usize::try_from(step)
                .ok()
                .and_then(|step| BLOCKS.get(step))
                .copied()
                .unwrap_or('█')
        }
    };
    values.iter().map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn courses() {
        let cases: [(&[Option<i64>], &str); 7] = [
            (&[], ""),
            (&[Some(0)], "▁"),
            (&[Some(0), Some(0)], "▁▁"),
            (&[Some(0), Some(7), Some(14)], "▁▅█"),
            (&[Some(1000), Some(1), Some(0)], "█▂▁"),
            (&[Some(5), None, Some(5)], "█ █"),
            (&[Some(i64::MAX), Some(0)], "█▁"),
        ];
        for (values, expected) in cases {
            assert_eq!(line(values.iter().copied()), expected, "{values:?}");
        }
    }
}
