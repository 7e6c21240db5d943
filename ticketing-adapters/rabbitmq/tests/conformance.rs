//! The bus keeps the contract of its port.

mod harness;

mod bus {
    ticketing_core::bus_conformance!(crate::harness::RabbitHarness);
}
