//! One field of a JSON value against a literal: `total>100`, `status=paid`, `items[0].sku!=lamp`.

use crate::model::event::path::{self, Step as PathStep};
use serde_json::{Number, Value};
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// `PATH OP LITERAL`. What the path leads to decides how the literal is read: as a number beside a number, as text
/// beside text. A path that leads nowhere is like nothing: no comparison holds for it, `!=` neither.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// As it was written.
    text: String,
    path: Vec<Step>,
    operator: Operator,
    literal: Literal,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The longer ones first: `>=` begins with `>`.
const OPERATORS: [(&str, Operator); 7] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterOrEqual),
    ("<=", Operator::LessOrEqual),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
];

/// As it may be meant.
#[derive(Clone, Debug, PartialEq)]
struct Literal {
    text: String,
    number: Option<Number>,
    /// Not when it was quoted.
    word: Option<Value>,
}

/// Why a text is not a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ComparisonError {
    #[error(
        "`{0}` is not a comparison: write PATH, one of = != < <= > >=, and a value, such as `total>100`"
    )]
    Shape(String),
    #[error("`{text}` is not a comparison: there is no `{operator}`, but {instead}")]
    Operator {
        text: String,
        operator: String,
        instead: &'static str,
    },
    #[error(
        "`{text}` is more than one comparison: give `{first}` and `{second}` as one `--where` each, all of which must hold; \
         text that is meant to be like that is \"quoted\""
    )]
    Several {
        text: String,
        first: String,
        second: String,
    },
    #[error(
        "`{text}` is not a comparison: paths begin in the value, such as `{path}`, without `$`"
    )]
    Root { text: String, path: String },
    #[error("{0}")]
    Path(String),
}

impl Comparison {
    /// Whether it holds for this value.
    pub fn holds(&self, value: &Value) -> bool {
        let mut found = value;
        for step in &self.path {
            let next = match step {
                Step::Name(name) => found.get(name),
                Step::Index(index) => found.get(index),
            };
            match next {
                Some(next) => found = next,
                None => return false,
            }
        }
        match self.literal.beside(found) {
            Some(ordering) => self.operator.holds(ordering),
            // Not of one kind: different, and neither less nor more.
            None => self.operator == Operator::NotEqual,
        }
    }
}

impl Operator {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Operator::Equal => ordering.is_eq(),
            Operator::NotEqual => ordering.is_ne(),
            Operator::Less => ordering.is_lt(),
            Operator::LessOrEqual => ordering.is_le(),
            Operator::Greater => ordering.is_gt(),
            Operator::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Literal {
    fn new(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(Value::String(quoted)) => Literal {
                text: quoted,
                number: None,
                word: None,
            },
            Ok(Value::Number(number)) => Literal {
                text: text.to_owned(),
                number: Some(number),
                word: None,
            },
            Ok(word @ (Value::Bool(_) | Value::Null)) => Literal {
                text: text.to_owned(),
                number: None,
                word: Some(word),
            },
            _ => Literal {
                text: text.to_owned(),
                number: None,
                word: None,
            },
        }
    }

    /// How the value is beside this; `None` where they cannot be compared.
    fn beside(&self, value: &Value) -> Option<Ordering> {
        match value {
            Value::String(text) => Some(text.as_str().cmp(&self.text)),
            Value::Number(number) => compare(number, self.number.as_ref()?),
            Value::Bool(_) | Value::Null => {
                (self.word.as_ref() == Some(value)).then_some(Ordering::Equal)
            }
            Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// Whole numbers exactly, which a float cannot beyond 2^53.
fn compare(left: &Number, right: &Number) -> Option<Ordering> {
    match (left.as_i128(), right.as_i128()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

/// Text that hardly anybody has in a value, and that comes of another way to write a comparison, must be in quotes.
fn check_literal(text: &str, literal: &str) -> Result<(), ComparisonError> {
    if literal.starts_with('"') {
        return Ok(());
    }
    let signs = |text: &str| text.chars().take_while(|c| "=!<>~".contains(*c)).count();
    if signs(literal) > 0 {
        let operator = text[..text.len() - literal.len()].trim_end();
        let start = operator.trim_end_matches(['=', '!', '<', '>']).len();
        let operator = operator[start..].to_owned() + &literal[..signs(literal)];
        let instead = match operator.as_str() {
            "=>" => "`>=`",
            "=<" => "`<=`",
            "<>" | "=!" => "`!=`",
            "===" => "`=`",
            _ => "= != < <= > and >=",
        };
        return Err(ComparisonError::Operator {
            text: text.to_owned(),
            operator,
            instead,
        });
    }
    let joined = [" and ", " AND ", "&&", ", "];
    for word in joined {
        if let Some((_, second)) = literal.split_once(word)
            && second.parse::<Comparison>().is_ok()
        {
            let first = &text[..text.len() - second.len() - word.len()];
            return Err(ComparisonError::Several {
                text: text.to_owned(),
                first: first.trim().to_owned(),
                second: second.trim().to_owned(),
            });
        }
    }
    Ok(())
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for Comparison {
    type Err = ComparisonError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = || ComparisonError::Shape(text.to_owned());
        let at = text.find(['=', '!', '<', '>']).ok_or_else(shape)?;
        let (path, rest) = text.split_at(at);
        let (operator, literal) = OPERATORS
            .iter()
            .find_map(|(sign, operator)| Some((*operator, rest.strip_prefix(sign)?)))
            .ok_or_else(shape)?;
        let (path, literal) = (path.trim(), literal.trim());
        if path.is_empty() {
            return Err(shape());
        }
        if let Some(inner) = path.strip_prefix("$.") {
            return Err(ComparisonError::Root {
                text: text.to_owned(),
                path: inner.to_owned(),
            });
        }
        check_literal(text, literal)?;
        let steps = path::steps(path).map_err(|error| ComparisonError::Path(error.to_string()))?;
        let step = |step| match step {
            PathStep::Name(name) => Step::Name(str::to_owned(name)),
            PathStep::Index(index) => Step::Index(index),
        };
        Ok(Comparison {
            text: text.to_owned(),
            path: steps.into_iter().map(step).collect(),
            operator,
            literal: Literal::new(literal),
        })
    }
}
