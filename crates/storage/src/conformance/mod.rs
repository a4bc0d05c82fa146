//! The one suite that every backend passes, by itself and under a [`SealedStore`](crate::SealedStore).
//!
//! A backend's tests provide a [`Lab`] and run each case of [`backend`] and [`store`]; [`backend_cases`](crate::backend_cases) and
//! [`store_cases`](crate::store_cases) name them all, so that none is forgotten. A case panics where the contract is broken.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

pub mod backend;
pub mod store;

use crate::{Backend, SharedBackend, StoreError, Write};
use futures::future::{LocalBoxFuture, poll_fn};
use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::task::Poll;

/// The source of a suite's backends.
pub trait Lab {
    /// Opens the wallet of this name: a fresh one the first time, another handle on the same data (as another tab or process
    /// has it) each time after that.
    fn open<'a>(&'a self, wallet: &'a str) -> LocalBoxFuture<'a, Result<SharedBackend, StoreError>>;
}

/// Calls the macro `$run` with the names of all cases of [`backend`]: `$run!($($before)* case, case, ..)`.
#[macro_export]
macro_rules! backend_cases {
    ($run:ident! $($before:tt)*) => {
        $run! { $($before)* reads_what_was_committed, the_last_write_wins, any_bytes_are_names, no_records,
            one_refused_writer_changes_nothing, two_writers, a_takeover_during_a_commit, an_abandoned_commit_is_whole_or_nothing,
            commits_apply_in_order, reading_during_a_commit, large_values, ten_thousand_names, reopening, closing, destroying }
    };
}

/// Calls the macro `$run` with the names of all cases of [`store`]: `$run!($($before)* case, case, ..)`.
#[macro_export]
macro_rules! store_cases {
    ($run:ident! $($before:tt)*) => {
        $run! { $($before)* writes_and_reads, a_receipt_has_two_moments, ready_to_act, names_of_every_kind, lists_by_prefix, counts_its_commits, reopened_with_its_key,
            a_wrong_key_disturbs_nobody, creating_twice,
            a_creation_between, a_change_between, an_older_writer_stops, a_new_passphrase, passkeys, a_lost_header,
            nothing_readable_is_stored, values_cannot_be_swapped, abandoned_commits, a_view_of_a_running_wallet, bad_names, closed_is_closed }
    };
}

/// Polls a future as often as it wakes, but at most `polls` times, then drops it: the process was killed at this point.
async fn abandon_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// A backend in which something else happens just before the first takeover.
struct Interrupted {
    inner: SharedBackend,
    first: RefCell<Option<LocalBoxFuture<'static, ()>>>,
}

impl Backend for Interrupted {
    fn place(&self) -> String {
        self.inner.place()
    }

    fn read<'a>(&'a self, name: &'a [u8]) -> LocalBoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.inner.read(name)
    }

    fn names(&self) -> LocalBoxFuture<'_, Result<Vec<Vec<u8>>, StoreError>> {
        self.inner.names()
    }

    fn take_over(&self) -> LocalBoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(async {
            let first = self.first.take();
            if let Some(first) = first {
                first.await;
            }
            self.inner.take_over().await
        })
    }

    fn commit(&self, writes: Vec<Write>, epoch: u64) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        self.inner.commit(writes, epoch)
    }

    fn destroy(&self) -> LocalBoxFuture<'_, Result<(), StoreError>> {
        self.inner.destroy()
    }

    fn close(&self) -> LocalBoxFuture<'_, ()> {
        self.inner.close()
    }
}
