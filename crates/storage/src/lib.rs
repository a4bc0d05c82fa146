//! The key-value trait of the wallet, its sealed form and its backends.
