//! A shop that is killed again and again loses nothing that it said, and finishes what it began.

#[cfg(test)]
#[path = "../../shop/acknowledgements.rs"]
mod acknowledgements;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod last_start;
