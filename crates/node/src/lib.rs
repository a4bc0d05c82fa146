//! LDK wired once: channels, peers, events, persistence, on-chain wallet.
