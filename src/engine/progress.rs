//! What happens while a run is under way, as events. Nothing reads them back.

use std::sync::Arc;
use std::time::Duration;

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A step began to look.
    Started {
        /// The step's id.
        step: String,
        /// The step's title.
        title: String,
        /// How long it will watch; none when it looks once.
        window: Option<Duration>,
    },
    /// A step has a live figure: "84.2 Mbit/s in".
    Live {
        /// The step's id.
        step: String,
        /// The figure.
        figure: String,
    },
    /// A step is done looking.
    Ended {
        /// The step's id.
        step: String,
        /// Why it saw nothing, if it did not.
        gap: Option<String>,
    },
}

/// Takes events.
pub type Progress = Arc<dyn Fn(Event) + Send + Sync>;
