//! The reference adapters keep the contract of their ports.

mod storage {
    ticketing_core::storage_conformance!(
        ticketing_core::testing::conformance::memory::MemoryHarness
    );
}

mod bus {
    ticketing_core::bus_conformance!(ticketing_core::testing::conformance::memory::MemoryHarness);
}

mod timers {
    ticketing_core::timers_conformance!(
        ticketing_core::testing::conformance::memory::MemoryHarness
    );
}

mod gateway {
    ticketing_core::gateway_conformance!(
        ticketing_core::testing::conformance::memory::MemoryHarness
    );
}
