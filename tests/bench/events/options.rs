//! What the command line says.

#[derive(Debug)]
pub struct Options {
    pub records: u32,
    pub runs: usize,
}

impl Options {
    /// `--records N`, `--runs N`. `--bench` comes from cargo.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Options {
            records: 1_000_000,
            runs: 5,
        };
        while let Some(name) = arguments.next() {
            if name == "--bench" {
                continue;
            }
            let value = arguments.next().unwrap_or_default();
            let number = value.parse::<u32>().ok().filter(|&number| number > 0);
            let number = number.ok_or_else(|| format!("`{name}` takes a number from 1"));
            match name.as_str() {
                "--records" => options.records = number?,
                "--runs" => options.runs = usize::try_from(number?).unwrap_or(1),
                _ => return Err(format!("`{name}` is none of --records, --runs")),
            }
        }
        Ok(options)
    }
}
