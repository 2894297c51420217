//! Outputs of tools as they are pasted.
