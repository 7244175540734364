//! What a terminal shows after what it was sent: as much of one as full screens need.

/// The lines of a window of this size, without what is blank at their ends.
pub fn screen(sent: &str, columns: usize, rows: usize) -> Vec<String> {
    let mut window = Window {
        cells: vec![vec![' '; columns]; rows],
        at: (0, 0),
    };
    let mut letters = sent.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' if letters.next_if_eq(&'[').is_some() => {
                let mut arguments = String::new();
                let command = loop {
                    match letters.next() {
                        Some(letter @ '@'..='~') => break letter,
                        Some(letter) => arguments.push(letter),
                        None => return window.lines(),
                    }
                };
                window.obey(command, &arguments);
            }
            '\r' => window.at.1 = 0,
            '\n' => window.at.0 += 1,
            letter => window.write(letter),
        }
    }
    window.lines()
}

struct Window {
    cells: Vec<Vec<char>>,
    at: (usize, usize),
}

impl Window {
    fn write(&mut self, letter: char) {
        let (row, column) = self.at;
        if let Some(cell) = self.cells.get_mut(row).and_then(|row| row.get_mut(column)) {
            *cell = letter;
        }
        self.at.1 += 1;
    }

    fn obey(&mut self, command: char, arguments: &str) {
        let numbers: Vec<usize> = arguments
            .split(';')
            .map(|text| text.parse().unwrap_or(1))
            .collect();
        match command {
            'H' | 'f' => {
                let number = |at: usize| numbers.get(at).copied().unwrap_or(1).max(1) - 1;
                self.at = (number(0), number(1));
            }
            'J' => self.clear(),
            'h' | 'l' if arguments == "?1049" => self.clear(),
            'K' => {
                let (row, column) = self.at;
                if let Some(row) = self.cells.get_mut(row) {
                    row.iter_mut().skip(column).for_each(|cell| *cell = ' ');
                }
            }
            _ => {}
        }
    }

    fn clear(&mut self) {
        self.cells.iter_mut().flatten().for_each(|cell| *cell = ' ');
    }

    fn lines(&self) -> Vec<String> {
        let line = |row: &Vec<char>| row.iter().collect::<String>().trim_end().to_owned();
        self.cells.iter().map(line).collect()
    }
}

#[test]
fn what_was_sent_is_where_it_was_sent_to() {
    let sent = "\u{1b}[?1049h\u{1b}[2;3Hab\u{1b}[31mc\u{1b}[0m\u{1b}[1;1Hx\r\ny";
    assert_eq!(
        screen(sent, 6, 3),
        ["x", "yabc", ""].map(|line| line.replace("yabc", "y abc"))
    );
    assert_eq!(screen("ab\u{1b}[1;2H\u{1b}[K", 4, 1), ["a"]);
    assert_eq!(screen("ab\u{1b}[?1049l", 4, 1), [""]);
}
