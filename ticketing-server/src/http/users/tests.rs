mod account;
mod entrance;
mod leaving;
mod limits;
mod sessions;
mod world;
