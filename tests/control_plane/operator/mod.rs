//! The operator and its agents against a real API server, with the real keepalived of the lab on the nodes.

mod crew;
mod edits;
mod faults;
mod fleet;
mod liars;
mod rights;
mod scale;
mod tap;
