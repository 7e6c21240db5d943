mod entrance;
mod world;
