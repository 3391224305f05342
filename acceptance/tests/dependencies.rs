//! What the programs are made of is as docs/DEPENDENCIES.md says, and every image has a version.

mod crates;
mod images;

use acceptance::repository::{read, repository};
