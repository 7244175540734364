//! Committed offsets of groups: show, move, forget, and take along in a file.
//!
//! Whatever moves offsets ([`reset`], [`import`], [`skip`]) ends in the same [`MovePlan`], which says for each partition
//! where the group is, where it would be, and how many records that skips or repeats; and in the same way of carrying
//! it out, [`apply`].

mod apply;
mod delete;
mod import;
mod moves;
mod places;
mod reset;
mod show;
mod skip;

pub use apply::{MoveOutcome, apply};
pub use delete::{DeleteOutcome, DeletePlan, DeleteRequest, delete, plan_delete};
pub use import::{ImportRequest, export, plan_import};
pub use moves::MovePlan;
pub use places::Limits;
pub use reset::{ResetRequest, Target, plan_reset};
pub use show::{OffsetsReport, show};
pub use skip::{SkipOutcome, SkipPlan, SkipRequest, plan_skip, skip};
