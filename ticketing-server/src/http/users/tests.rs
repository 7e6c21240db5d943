mod account;
mod entrance;
mod leaving;
mod limits;
mod secrets;
mod sessions;
mod world;
