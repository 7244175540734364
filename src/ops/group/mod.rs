//! Consumer groups: list, describe, delete.

mod delete;
mod describe;
mod list;
mod occupied;

pub use delete::{DeleteOutcome, DeletePlan, delete, plan_delete};
pub use describe::{GroupReport, describe};
pub use list::{GroupList, ListRequest, list};
pub(in crate::ops) use occupied::{Occupied, occupied};
