//! Keys as they are pressed: read by a thread of their own, for the terminal is read by waiting.

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use std::io;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// How soon the thread notices that nobody listens any more.
const POLL: Duration = Duration::from_millis(100);
/// Who presses more keys than are taken waits: what is pasted is no reason to hold any amount of it.
const AHEAD: usize = 64;

/// What a person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressed {
    Letter(char),
    /// With Ctrl.
    Control(char),
    Enter,
    Escape,
    Backspace,
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    /// To the next table, and to the one before.
    Next,
    Previous,
    /// The window has another size.
    Resized,
}

#[derive(Debug)]
pub(super) struct Keys(Receiver<io::Result<Pressed>>);

impl Keys {
    pub(super) fn listen() -> Self {
        let (sender, receiver) = channel(AHEAD);
        std::thread::spawn(move || read(&sender));
        Keys(receiver)
    }

    pub(super) async fn next(&mut self) -> io::Result<Pressed> {
        let gone = || Err(io::ErrorKind::BrokenPipe.into());
        self.0.recv().await.unwrap_or_else(gone)
    }
}

fn read(sender: &Sender<io::Result<Pressed>>) {
    while !sender.is_closed() {
        let pressed = match event::poll(POLL) {
            Ok(false) => continue,
            Ok(true) => event::read().map(|event| pressed(&event)),
            Err(error) => Err(error),
        };
        let is_over = pressed.is_err();
        if let Some(pressed) = pressed.transpose()
            && (sender.blocking_send(pressed).is_err() || is_over)
        {
            return;
        }
    }
}

fn pressed(event: &Event) -> Option<Pressed> {
    let key = match event {
        Event::Resize(..) => return Some(Pressed::Resized),
        Event::Key(key) if key.kind != KeyEventKind::Release => key,
        _ => return None,
    };
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        // Enter, where it was pressed before the terminal was ours.
        KeyCode::Char('j' | 'm') if control => Pressed::Enter,
        KeyCode::Char(letter) if control => Pressed::Control(letter),
        KeyCode::Char(letter) => Pressed::Letter(letter),
        KeyCode::Enter => Pressed::Enter,
        KeyCode::Esc => Pressed::Escape,
        KeyCode::Backspace => Pressed::Backspace,
        KeyCode::Up => Pressed::Up,
        KeyCode::Down => Pressed::Down,
        KeyCode::PageUp => Pressed::PageUp,
        KeyCode::PageDown => Pressed::PageDown,
        KeyCode::Home => Pressed::Home,
        KeyCode::End => Pressed::End,
        KeyCode::Tab | KeyCode::Right => Pressed::Next,
        KeyCode::BackTab | KeyCode::Left => Pressed::Previous,
        _ => return None,
    })
}
