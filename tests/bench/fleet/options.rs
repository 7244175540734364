//! What the command line says.

/// How many groups, how many topics they read (each one), and how many partitions each topic has.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub groups: usize,
    pub topics: usize,
    pub partitions: i32,
}

#[derive(Debug)]
pub struct Options {
    pub sizes: Vec<Size>,
    pub runs: usize,
}

const SIZES: [Size; 2] = [
    Size {
        groups: 500,
        topics: 1,
        partitions: 6,
    },
    Size {
        groups: 1000,
        topics: 1000,
        partitions: 10,
    },
];

const RUNS: usize = 5;

impl Options {
    /// `--groups N --topics N --partitions N` instead of the two usual sizes, `--runs N`. `--bench` comes from cargo.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut groups, mut topics, mut partitions, mut runs) = (None, None, None, None);
        while let Some(name) = arguments.next() {
            let option = match name.as_str() {
                "--bench" => continue,
                "--groups" => &mut groups,
                "--topics" => &mut topics,
                "--partitions" => &mut partitions,
                "--runs" => &mut runs,
                _ => {
                    let known = "--groups, --topics, --partitions, --runs";
                    return Err(format!("`{name}` is none of {known}"));
                }
            };
            let value = arguments.next().unwrap_or_default();
            let number = value.parse::<u16>().ok().filter(|&number| number > 0);
            *option = number
                .ok_or_else(|| format!("`{name}` takes a number from 1 to 65535"))?
                .into();
        }
        let usual = SIZES[0];
        let sizes = match (groups, topics, partitions) {
            (None, None, None) => SIZES.to_vec(),
            _ => vec![Size {
                groups: groups.map_or(usual.groups, usize::from),
                topics: topics.map_or(usual.topics, usize::from),
                partitions: partitions.map_or(usual.partitions, i32::from),
            }],
        };
        Ok(Options {
            sizes,
            runs: runs.map_or(RUNS, usize::from),
        })
    }
}
