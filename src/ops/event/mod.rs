//! `eda event …`, and the catalog that produce goes by.

mod catalog;
mod check;
mod list;

pub use catalog::{catalog, read};
pub use check::{CheckReport, check};
pub use list::{EventList, EventView, list, show};
