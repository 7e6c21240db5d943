//! What programs and people of these tests have in common.

pub(crate) use crate::habits::{PASSWORD, SOON};
