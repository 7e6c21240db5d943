//! The sandbox from outside: its cards, its file, its webhooks, and an engine over it.

#[cfg(test)]
mod cards;
#[cfg(test)]
mod deliveries;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod restart;
