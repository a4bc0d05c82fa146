//! The vectors of the project, and what holds for every set.

mod payloads;
mod sets;
mod shares;
mod vectors;
mod world;
